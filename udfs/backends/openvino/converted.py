"""Models converted for OpenVINO: made once per node, kept in a cache, found again by content."""

from __future__ import annotations

import hashlib
import json
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.errors import ModelError
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.processes import child
from semscore.udfs.stores.cache import cache_folder

VERSION = 2  # of the converted folder's layout
REASON = "unconvertible.txt"  # stands in the folder of a model that cannot be converted, alone
REFUSED = 3  # exit code of the process that proves a model: it cannot be used
LIBRARIES = ("openvino", "sentence-transformers", "torch", "transformers")


@lru_cache
def converted_place(folder: Path) -> Path:
    """Where the conversion of a model is, or will be.

    The name stands for the model's content and the libraries' versions: another model, or another
    library, never meets an old conversion.
    """
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), versions], sort_keys=True)
    return cache_folder() / "openvino" / hashlib.sha256(key.encode()).hexdigest()[:24]


def proving_command(
    folder: Path, max_seq_length: int | None, *, convert: bool = False, outline: bool = False
) -> list[str]:
    """The command that proves a model and converts it, or waits for the process that is at it."""
    limit = [] if max_seq_length is None else ["--limit", max_seq_length]
    wanted = [*["--convert"] * convert, *["--outline"] * outline]
    return child.python_command("semscore.udfs.backends.proving.prove", folder, *limit, *wanted)


def proving_environment() -> dict[str, str]:
    """Of that process: it computes on the CPU, and asks no hub."""
    return child.python_environment() | {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}


def run_prover(
    folder: Path, max_seq_length: int | None, convert: bool
) -> subprocess.CompletedProcess[bytes]:
    """Run that process to its end, in silence."""
    return subprocess.run(
        proving_command(folder, max_seq_length, convert=convert),
        env=proving_environment(),
        capture_output=True,
        check=False,
    )


def converted(folder: Path) -> Path:
    """The converted model, made first if it is not there, by a process of its own.

    Torch then never gets into this one: that saves seconds and memory in each worker. Raises
    ModelError if the model cannot be used at all, NotConvertible if OpenVINO cannot run it; that
    from then on without another try.
    """
    place = converted_place(folder)
    if not place.exists():
        ran = run_prover(folder, None, convert=True)
        if ran.returncode:
            lines = ran.stderr.decode(errors="replace").strip().splitlines() or [""]
            if ran.returncode == REFUSED:
                raise ModelError(lines[-1])
            raise NotConvertible(
                f"its conversion ended with exit code {ran.returncode}: {lines[-1]}"
            )
    reason = place / REASON
    if reason.exists():
        raise NotConvertible(reason.read_text("utf-8"))
    return place
