"""A model's proof on this node. If it does not exist, a child process makes it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from semscore.udfs.backends.openvino.converted import REFUSED, run_prover
from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import weight_bytes
from semscore.udfs.processes.said import last_exception
from semscore.udfs.proofs.proof import Proof, proof_place, read_proof
from semscore.udfs.recipe import Kind

FLOAT32 = 2  # size in memory relative to half precision on disk
LIBRARIES = 1_500_000_000  # bytes for torch, transformers and a forward pass
CGROUP = Path("/sys/fs/cgroup")  # the container's own cgroup, as seen inside it


class NotProved(Exception):
    """The proof could not be made, for a reason that does not lie in the model."""


def proved(folder: Path, kind: Kind, max_seq_length: int | None, convert: bool) -> Proof:
    """Return the proof of a model. With `convert`, the same process converts it for OpenVINO.

    Raises ModelError if the model cannot be used, NotProved if the proof could not be made for
    another reason.
    """
    place = proof_place(folder, max_seq_length)
    if not place.exists():
        if not fits(folder):
            raise NotProved("this host has too little free memory to load it a second time")
        finished = run_prover(folder, kind, max_seq_length, convert)
        require_proved(finished.returncode, finished.stderr.decode(errors="replace"))
    return read_proof(place)


def fits(folder: Path) -> bool:
    """Return whether the free memory suffices for a process that loads the model in float32."""
    return FLOAT32 * weight_bytes(folder) + LIBRARIES < free_memory()


def free_memory() -> int:
    """Return the free memory of this host in bytes, or of this container if that is less."""
    free: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # no cgroups version 2, or `max`, which means no limit
        limit, taken = (
            int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current")
        )
        free = min(free, limit - taken)
    return free


def require_proved(code: int, errors: str) -> None:
    """Raise ModelError or NotProved if the process failed, depending on how it ended."""
    if code == 0:
        return
    lines = errors.strip().splitlines() or [f"its process ended with exit code {code}"]
    if code == REFUSED:
        raise ModelError(lines[-1])
    raise NotProved(last_exception(errors) or lines[-1])
