"""What was found of a model in float32 on a CPU: proved once per node, kept, found by content."""

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

VERSION = 1  # of what is proved
LIBRARIES = ("sentence-transformers", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Proof:
    """A model that loads, tells texts apart, and whose vectors depend on their texts alone."""

    texts: tuple[str, ...]  # an even number; text k makes a pair with text k + n/2
    vectors: NDArray[np.float32]  # (n, dim) of these texts
    batching: Batching  # in which batches the vectors are those of the texts alone
    short: str  # after which a model forgets what it keeps of a long text


@lru_cache
def proof_place(folder: Path, max_seq_length: int | None) -> Path:
    """Where a model's proof is, or will be: named by what it depends on."""
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), max_seq_length, versions], sort_keys=True)
    return cache_folder() / "proofs" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def read_proof(place: Path) -> Proof:
    """A proof that was kept; OSError: there is none."""
    kept = json.loads(place.read_text("utf-8"))
    vectors = np.array(kept["vectors"], np.float32)
    return Proof(tuple(kept["texts"]), vectors, kept["batching"], kept["short"])


def keep_proof(proof: Proof, place: Path) -> None:
    """Write a proof, at once or not at all."""
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
