"""Models converted for OpenVINO, once per node, and cached by the model's content."""

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
from semscore.udfs.recipe import Kind
from semscore.udfs.stores.cache import cache_folder

VERSION = 4  # of the converted folder's layout
REASON = "unconvertible.txt"  # the only file in the folder of a model that cannot be converted
REFUSED = 3  # exit code of the process that proves a model, if it cannot be used
LIBRARIES = ("openvino", "sentence-transformers", "torch", "transformers")


@lru_cache
def converted_place(folder: Path) -> Path:
    """Return the path of a model's conversion, whether or not it exists.

    The name is a hash of the model's content and the libraries' versions, so a conversion is never
    used with another model or library.
    """
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), versions], sort_keys=True)
    return cache_folder() / "openvino" / hashlib.sha256(key.encode()).hexdigest()[:24]


def proving_command(
    folder: Path,
    kind: Kind,
    max_seq_length: int | None,
    *,
    convert: bool = False,
    outline: bool = False,
) -> list[str]:
    """Return the command that proves a model and converts it.

    If another process is already doing so, the command waits for it.
    """
    limit = [] if max_seq_length is None else ["--limit", max_seq_length]
    flags = [*["--convert"] * convert, *["--outline"] * outline]
    return child.python_command(
        "semscore.udfs.backends.proving.prove", folder, kind, *limit, *flags
    )


def proving_environment() -> dict[str, str]:
    """Return the environment of that process. It computes on the CPU and does not use the hub."""
    return child.python_environment() | {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}


def run_prover(
    folder: Path, kind: Kind, max_seq_length: int | None, convert: bool
) -> subprocess.CompletedProcess[bytes]:
    """Run that process to its end and hide its output."""
    return subprocess.run(
        proving_command(folder, kind, max_seq_length, convert=convert),
        env=proving_environment(),
        capture_output=True,
        check=False,
    )


def converted(folder: Path, kind: Kind) -> Path:
    """Return the folder of the converted model. If it does not exist, a child process makes it.

    So torch is never imported into this process, which saves seconds and memory in each worker.
    Raises ModelError if the model cannot be used at all. Raises NotConvertible if OpenVINO cannot
    run it. A failed conversion is not tried again.
    """
    place = converted_place(folder)
    if not place.exists():
        finished = run_prover(folder, kind, None, convert=True)
        if finished.returncode:
            lines = finished.stderr.decode(errors="replace").strip().splitlines() or [""]
            if finished.returncode == REFUSED:
                raise ModelError(lines[-1])
            raise NotConvertible(
                f"its conversion ended with exit code {finished.returncode}: {lines[-1]}"
            )
    reason = place / REASON
    if reason.exists():
        raise NotConvertible(reason.read_text("utf-8"))
    return place
