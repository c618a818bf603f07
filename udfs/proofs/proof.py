"""The proof of a model in float32 on a CPU, made once per node and cached by model content."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.proofs.neighbours import Batching
from semscore.udfs.stores.cache import cache_folder

VERSION = 2  # of the proof's content
LIBRARIES = ("sentence-transformers", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Proof:
    """The proof that a model loads, tells texts apart, and embeds each text independently."""

    texts: tuple[str, ...]  # n, an even number; texts k and k + n/2 are a pair
    vectors: NDArray[np.float32]  # (n, dim) of these texts; a cross-encoder's: (n/2, labels)
    batching: Batching  # how to run the model so that each vector depends on its text alone
    short: str  # a text after which the model has dropped the state of a long one


@lru_cache
def proof_place(folder: Path, max_seq_length: int | None) -> Path:
    """Return the path of a model's proof, whether or not it exists.

    The name is a hash of everything that the proof depends on. The kind of model follows from its
    content.
    """
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), max_seq_length, versions], sort_keys=True)
    return cache_folder() / "proofs" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def read_proof(place: Path) -> Proof:
    """Read a proof from a file. Raises OSError if it does not exist."""
    kept = json.loads(place.read_text("utf-8"))
    vectors = np.array(kept["vectors"], np.float32)
    return Proof(tuple(kept["texts"]), vectors, kept["batching"], kept["short"])


def keep_proof(proof: Proof, place: Path) -> None:
    """Write a proof to a file in one step."""
    kept = {
        "texts": proof.texts,
        "vectors": proof.vectors.astype(float).tolist(),
        "batching": proof.batching,
        "short": proof.short,
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, delete=False) as file:
        json.dump(kept, file, ensure_ascii=False)
    Path(file.name).replace(place)
