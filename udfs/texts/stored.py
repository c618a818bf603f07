"""An encoder that takes vectors from a store, and runs the model on the other texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.openvino.calibration import int8_sha256, read_calibration
from semscore.udfs.backends.protocol import Inputs, Rows
from semscore.udfs.meters import Meters
from semscore.udfs.models.fitted import fitted, require_vectors
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.recipe import Engine, Prompt, Recipe
from semscore.udfs.stores.registry import Storage
from semscore.udfs.texts.encoder import Embedded, Encoder
from semscore.udfs.vectors.files import Stored
from semscore.udfs.vectors.identity import text_hashes, vectors_key, versions
from semscore.udfs.vectors.store import Found, VectorStore


@dataclass(frozen=True)
class Looked:
    """n texts, of which the store has k. The m others are prepared for the model."""

    hashes: NDArray[np.uint64]  # (n, 2)
    found: Found
    others: Rows  # (m,)
    inputs: Inputs  # of the others


class StoredEncoder(Encoder):
    """An encoder whose vectors are kept in a store.

    A text has the same vector as without the store, if the backend computes it independently of
    the other texts in a batch; otherwise it may differ in the last bits.
    """

    def __init__(self, encoder: Encoder, store: VectorStore) -> None:
        super().__init__(encoder.backend, encoder.token_budget, encoder.batch_size)
        self._encoder, self._store = encoder, store
        self.keep, self.kept = encoder.keep, encoder.kept  # type: ignore[method-assign]

    def prepare(self, items: Any, prompt: Prompt, meters: Meters) -> Any:
        """Look up n texts, and tokenise those that the store does not have."""
        texts = list(items)
        hashes = text_hashes(texts, prompt)
        found = self._store.find(hashes)
        unknown = np.ones(len(texts), bool)
        unknown[found.rows] = False
        if unknown.any() and len(found.rows):
            # If the model fails on all others, this one shows whether the model or they are at
            # fault; see Encoder.embed.
            unknown[found.rows[0]] = True
            found = found.without_first()
        others = np.flatnonzero(unknown)
        chosen = [texts[row] for row in others.tolist()]
        return Looked(hashes, found, others, self._encoder.prepare(chosen, prompt, meters))

    def embed(self, inputs: Any, prompt: Prompt, meters: Meters) -> Embedded:
        """Run the model on the texts that the store does not have, and add their vectors to it."""
        found, others, n = inputs.found, inputs.others, len(inputs.hashes)
        ran = self._encoder.embed(inputs.inputs, prompt, meters)
        made = ran.vectors[np.arange(len(others))]
        vectors = self.backend.vectors(n)
        vectors[others] = made
        vectors[found.rows] = _beside(made, found.vectors)
        meters.stored_texts += len(found.rows)
        self._add(inputs.hashes[others], made, ran)
        if self._store.is_full:
            self.end(meters)
        return Embedded(
            vectors,
            _merged(n, others, ran.truncated, found.rows, found.truncated),
            _merged(n, others, ran.failed, found.rows, np.zeros(len(found.rows), bool)),
            _merged(n, others, ran.tokens, found.rows, found.tokens),
            ran.tokens,
        )

    def begin(self, meters: Meters) -> None:
        """See what other workers have added to the store. A failure costs time but no scores."""
        try:
            self._store.refresh()
        except OSError as error:
            meters.notes[f"the vector store cannot be read: {error}"] += 1

    def end(self, meters: Meters) -> None:
        """Write what this worker has added. A failure costs a later run time."""
        try:
            self._store.write()
        except OSError as error:
            meters.notes[f"the vector store cannot be written: {error}"] += 1

    def _add(self, hashes: NDArray[np.uint64], made: Any, ran: Embedded) -> None:
        vectors = made if isinstance(made, np.ndarray) else made.cpu().numpy()
        good = ~ran.failed & np.isfinite(vectors).all(axis=1)
        self._store.add(Stored(hashes[good], vectors[good], ran.tokens[good], ran.truncated[good]))


def _beside(made: Any, vectors: NDArray[np.float32]) -> Any:
    """Return vectors where those that were made are: in NumPy, or on their device."""
    if isinstance(made, np.ndarray):
        return vectors
    import torch

    return torch.from_numpy(vectors).to(made.device)


def _merged(n: int, rows1: Rows, values1: Any, rows2: Rows, values2: Any) -> NDArray[Any]:
    merged = np.zeros(n, values1.dtype)
    merged[rows1], merged[rows2] = values1, values2
    return merged


def with_store(
    encoder: Encoder, recipe: Recipe, folder: Path, engine: Engine, device: str
) -> StoredEncoder:
    """Return an encoder that uses the engine's vector store. `device`: cpu, cuda or mps.

    Raises ModelError for a model that does not give each text one vector.
    """
    assert engine.vector_store
    require_vectors(fitted(recipe, folder), folder)
    sha256 = content_sha256(folder)
    calibration = _int8_sha256(recipe.calibration, sha256) if recipe.calibration else None
    backend = encoder.backend
    key = vectors_key(recipe, sha256, calibration, backend.name, device, versions())
    place = f"{engine.vector_store.rstrip('/')}/{key}"
    return StoredEncoder(encoder, _opened(place, backend.dim, engine.vector_store_size))


@lru_cache(maxsize=2)
def _int8_sha256(calibration: str, model_sha256: str) -> str:
    """Return the identity of a calibration, whose files are read once in a worker."""
    return int8_sha256(read_calibration(calibration, model_sha256))


@lru_cache(maxsize=2)
def _opened(place: str, dim: int, most_bytes: int) -> VectorStore:
    return VectorStore(Storage().folder(place), dim, most_bytes)
