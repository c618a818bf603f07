"""The files of a store: parquet, sorted by hash; and their copies on a host, mapped into memory."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from numpy.typing import NDArray

from semscore.udfs.stores.folder import Entry, Folder, StorageError


class Stored(NamedTuple):
    """Vectors of n texts, in the order of their hashes."""

    hashes: NDArray[np.uint64]  # (n, 2), sorted by the first column
    vectors: NDArray[np.float32]  # (n, dim)
    tokens: NDArray[np.int64]  # (n,) that the model reads
    truncated: NDArray[np.bool_]  # (n,)

    def sorted(self) -> Stored:
        """Return the rows in the order of their hashes, each hash once."""
        order = np.lexsort((self.hashes[:, 1], self.hashes[:, 0]))
        hashes = self.hashes[order]
        first = np.ones(len(order), bool)
        first[1:] = (hashes[1:] != hashes[:-1]).any(axis=1)
        return Stored(*(values[order[first]] for values in self))

    def places(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each hash, -1 where there is none: (k, 2) -> (k,)."""
        if not len(self.hashes):
            return np.full(len(hashes), -1)
        found = np.searchsorted(self.hashes[:, 0], hashes[:, 0])
        found = np.minimum(found, len(self.hashes) - 1)
        # Of texts that share half of a hash, only the first is found; the others are embedded.
        return np.where((self.hashes[found] == hashes).all(axis=1), found, -1)


def joined(parts: list[Stored]) -> Stored:
    """Return the rows of several parts as one, in the order of their hashes."""
    return Stored(*(np.concatenate(values) for values in zip(*parts, strict=True))).sorted()


def as_parquet(stored: Stored) -> bytes:
    """Return a file with rows that are sorted already."""
    dim = stored.vectors.shape[1]
    vectors = np.ascontiguousarray(stored.vectors, "<f4")
    table = pa.table(
        {
            "hash": _binary(stored.hashes.astype(">u8").tobytes(), 16),
            "vector": _binary(vectors.tobytes(), 4 * dim),
            "tokens": pa.array(stored.tokens, pa.int32()),
            "truncated": pa.array(stored.truncated),
        }
    )
    target = io.BytesIO()
    # Vectors neither repeat nor compress.
    pq.write_table(table, target, compression="none", use_dictionary=False, write_statistics=False)
    return target.getvalue()


def read_parquet(file: BinaryIO) -> Stored:
    """Read a file of a store. Raises StorageError if it is not one, or is damaged."""
    try:
        table = pq.read_table(file, columns=["hash", "vector", "tokens", "truncated"])
    except pa.ArrowException as error:
        raise StorageError(f"a file is damaged: {' '.join(str(error).split())}") from error
    n = table.num_rows
    return Stored(
        _values(table["hash"], ">u8").reshape(n, 2).astype(np.uint64),
        _values(table["vector"], "<f4").reshape(n, table["vector"].type.byte_width // 4),
        table["tokens"].to_numpy().astype(np.int64),
        table["truncated"].to_numpy(zero_copy_only=False),
    )


def on_this_host(folder: Folder, entry: Entry, home: Path) -> Stored:
    """Return a file of a store from this host's copy, which is made once. The file never changes.

    Raises OSError if the file no longer exists.
    """
    place = home / entry.path
    if not place.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{entry.path}.lock"):
            if not place.is_dir():
                workshop = Path(tempfile.mkdtemp(prefix=f"{entry.path}-", dir=home))
                try:
                    with folder.open(entry) as file:
                        stored = read_parquet(file)
                    for name, values in stored._asdict().items():
                        np.save(workshop / f"{name}.npy", values)
                    workshop.rename(place)
                finally:
                    shutil.rmtree(workshop, ignore_errors=True)
    return Stored(*(np.load(place / f"{name}.npy", mmap_mode="r") for name in Stored._fields))


def _binary(content: bytes, width: int) -> pa.Array:
    return pa.Array.from_buffers(
        pa.binary(width), len(content) // width, [None, pa.py_buffer(content)]
    )


def _values(column: pa.ChunkedArray, kind: str) -> NDArray[Any]:
    parts = []
    for chunk in column.chunks:
        width = chunk.type.byte_width
        content = chunk.buffers()[1]
        begin = chunk.offset * width
        parts.append(np.frombuffer(content[begin : begin + len(chunk) * width], kind))
    return np.concatenate(parts) if parts else np.zeros(0, kind)
