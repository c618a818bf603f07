"""What identifies a stored vector: everything that it depends on, and its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.recipe import SCORING_VERSION, Prompt, Recipe

HASH_BYTES = 16  # the chance that two of 10^12 texts share a hash is 10^-15


def vectors_key(
    recipe: Recipe,
    model_sha256: str,
    int8_sha256: str | None,
    backend: str,
    device: str,
    libraries: dict[str, str],
) -> str:
    """Return the name of the folder for vectors that a worker would compute in the same way.

    `device` is cpu, cuda or mps. Another version of a library, or another backend, can change the
    last bits of a vector, so it has a folder of its own.
    """
    parts = {
        "model": model_sha256,
        "int8": int8_sha256,
        "precision": recipe.precision,
        "max_seq_length": recipe.max_seq_length,
        "truncate_dim": recipe.truncate_dim,
        "backend": backend,
        "device": device,
        "libraries": libraries,
        "scoring_version": SCORING_VERSION,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def versions() -> dict[str, str]:
    """Return the versions of the installed libraries that compute vectors."""
    found = {}
    for name in ("openvino", "sentence-transformers", "torch", "transformers"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def text_hashes(texts: Sequence[str], prompt: Prompt) -> NDArray[np.uint64]:
    """Return the hashes of texts that are read with a prompt: (n, 2)."""
    start = hashlib.blake2b(json.dumps(prompt).encode(), digest_size=HASH_BYTES)
    joined = bytearray()
    for text in texts:
        hashed = start.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        joined += hashed.digest()
    return np.frombuffer(bytes(joined), dtype=">u8").reshape(-1, 2).astype(np.uint64)
