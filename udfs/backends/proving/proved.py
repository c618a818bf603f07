"""A model's proof on this node, made first if it is not there, by a process of its own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from semscore.udfs.backends.openvino.converted import REFUSED, run_prover
from semscore.udfs.errors import ModelError
from semscore.udfs.processes.said import last_exception
from semscore.udfs.proofs.proof import Proof, proof_place, read_proof

FLOAT32 = 2  # times as much in memory as half precision on disk
LIBRARIES = 1_500_000_000  # bytes: torch, transformers, and what a forward pass takes
CGROUP = Path("/sys/fs/cgroup")  # a container's own, from inside of it


class NotProved(Exception):
    """There is no proof, for a reason that says nothing of the model."""


def proved(folder: Path, max_seq_length: int | None, convert: bool) -> Proof:
    """The proof of a model; `convert`: have the same process convert it for OpenVINO.

    Raises ModelError if the model cannot be used, NotProved if that cannot be found out.
    """
    place = proof_place(folder, max_seq_length)
    if not place.exists():
        if not fits(folder):
            raise NotProved("this host has too little free memory to load it beside the worker's")
        ran = run_prover(folder, max_seq_length, convert)
        require_proved(ran.returncode, ran.stderr.decode(errors="replace"))
    return read_proof(place)


def fits(folder: Path) -> bool:
    """Whether a process that loads the model in float32 has room in memory now."""
    return FLOAT32 * weight_bytes(folder) + LIBRARIES < free_memory()


def weight_bytes(folder: Path) -> int:
    """Bytes of a model's weights on disk."""
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


def free_memory() -> int:
    """Bytes that this host has left, and this container if it is one."""
    free: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # no cgroups of version 2, or `max`: no limit
        limit, taken = (
            int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current")
        )
        free = min(free, limit - taken)
    return free


def require_proved(code: int, errors: str) -> None:
    """Raise what the end of the process means: ModelError, NotProved or nothing."""
    if code == 0:
        return
    lines = errors.strip().splitlines() or [f"its process ended with exit code {code}"]
    if code == REFUSED:
        raise ModelError(lines[-1])
    raise NotProved(last_exception(errors) or lines[-1])
