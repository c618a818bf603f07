"""A store of vectors, as one worker uses it: look up, add, write."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.stores.cache import cache_folder
from semscore.udfs.stores.folder import Folder
from semscore.udfs.vectors.files import Stored, as_parquet, joined, on_this_host

ENDING = ".parquet"
WRITTEN_AT = 64 * 2**20  # bytes of new vectors that a worker holds


class Found(NamedTuple):
    """The vectors of those k of n texts that a store has."""

    rows: NDArray[np.int64]  # (k,) indices of the texts
    vectors: NDArray[np.float32]  # (k, dim)
    tokens: NDArray[np.int64]  # (k,)
    truncated: NDArray[np.bool_]  # (k,)

    def without_first(self) -> Found:
        """Return all but the first of them."""
        return Found(self.rows[1:], self.vectors[1:], self.tokens[1:], self.truncated[1:])


class VectorStore:
    """The vectors that were computed in one way: a folder of a store.

    Files are added and never changed. A worker sees those that existed when it last called
    `refresh`. All methods that use the storage raise OSError if it fails.
    """

    def __init__(self, folder: Folder, dim: int, most_bytes: int) -> None:
        self._folder, self._dim, self._most = folder, dim, most_bytes
        self._home: Path = cache_folder() / "vectors" / folder.url.rpartition("/")[2]
        self._parts: dict[str, Stored] = {}
        self._new: list[Stored] = []
        self._size = self._new_bytes = 0

    def refresh(self) -> None:
        """Look for files that others have added, and forget those that were removed."""
        entries = [e for e in self._folder.entries() if e.path.endswith(ENDING)]
        self._size = sum(entry.size for entry in entries)
        kept = {}
        for entry in entries:
            try:
                part = self._parts.get(entry.path) or on_this_host(self._folder, entry, self._home)
            except FileNotFoundError:  # it was merged into another file
                continue
            if part.vectors.shape[1] == self._dim:
                kept[entry.path] = part
        self._parts = kept

    def find(self, hashes: NDArray[np.uint64]) -> Found:
        """Return the vectors of those texts that the store has: (n, 2) -> k of n."""
        missing = np.arange(len(hashes))
        rows, found = [], []
        for part in (*self._parts.values(), *self._new):
            places = part.places(hashes[missing])
            hit = places >= 0
            if hit.any():
                rows.append(missing[hit])
                found.append([values[places[hit]] for values in part[1:]])
            missing = missing[~hit]
        if not rows:
            nothing = np.zeros(0, np.int64)
            return Found(nothing, np.zeros((0, self._dim), np.float32), nothing, nothing > 0)
        vectors, tokens, truncated = map(np.concatenate, zip(*found, strict=True))
        return Found(np.concatenate(rows), vectors, tokens, truncated)

    def add(self, new: Stored) -> None:
        """Add vectors, which `write` will write. Nothing is added to a store of full size."""
        if not len(new.hashes) or self._size >= self._most:
            return
        self._new.append(new.sorted())
        self._new_bytes += new.vectors.nbytes

    @property
    def is_full(self) -> bool:
        """Return whether the vectors that were added should be written before there are more."""
        return self._new_bytes >= WRITTEN_AT

    def write(self) -> None:
        """Write the vectors that were added, in a file of their own."""
        if not self._new:
            return
        new, self._new, self._new_bytes = self._new, [], 0
        content = as_parquet(joined(new))
        self._folder.write(f"{uuid.uuid4().hex}{ENDING}", content)
        self._size += len(content)
