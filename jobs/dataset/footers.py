"""Parquet footers: the rows, bytes and columns of files, without reading their data."""

from __future__ import annotations

import io
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.leaves import Leaf, leaves_of
from semscore.jobs.dataset.obstacles import (
    Obstacle,
    has_milliseconds,
    needs_rows,
    of_chunk,
    of_milliseconds,
    of_types,
)
from semscore.udfs.stores.folder import Entry, Folder, StorageError

THREADS = 32  # reading small, remote footers means waiting, not computing
AHEAD = 4_000  # footers that are read before they are needed, at most
TAIL = 64 * 2**10  # bytes that hold most footers
FIELD_ID = b"PARQUET:field_id"  # Arrow's name of it
SIGNATURE = 28  # bytes after a plain footer that is signed: the file has encrypted columns


@dataclass(frozen=True)
class Footer:
    """The contents of one file's footer."""

    rows: int
    row_groups: int
    types: dict[str, str]  # top-level column -> Arrow's name of its type
    leaves: tuple[Leaf, ...]
    row_bytes: dict[str, int]  # top-level column -> bytes per row, in its largest row group
    obstacles: tuple[Obstacle, ...] = ()  # also those in columns that the run does not read
    by_rows: frozenset[str] = frozenset()  # columns that only Spark's row-based reader decodes
    ids: tuple[tuple[str, int], ...] = ()  # of the top-level columns that have one

    @property
    def strings(self) -> frozenset[str]:
        """Return the top-level text columns."""
        return frozenset(leaf.column for leaf in self.leaves if leaf.is_text)


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read, with the reason."""

    reason: str


def read_footers(folder: Folder, entries: Iterable[Entry]) -> Iterator[Footer | Unreadable]:
    """Yield the footers of some files, in order. They are read in parallel and in advance."""
    pool, ahead = ThreadPoolExecutor(THREADS), deque[Future[Footer | Unreadable]]()
    try:
        for entry in entries:
            ahead.append(pool.submit(_read_footer, folder, entry))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_footer(folder: Folder, entry: Entry) -> Footer | Unreadable:
    if entry.size == 0:
        return Unreadable("it is empty")
    if ":" in entry.path.rpartition("/")[2]:
        return Unreadable("Spark cannot open a file with a colon in its name")
    if "//" in f"/{entry.path}":
        return Unreadable("Spark cannot open an object with two consecutive slashes in its name")
    try:
        with folder.open(entry) as file:
            return _parsed(file)
    except StorageError:
        raise
    except (pa.ArrowException, OSError) as error:
        return Unreadable(reason(error))
    except UnicodeDecodeError:
        return Unreadable("the name of a column is not valid UTF-8")


def _parsed(file: BinaryIO) -> Footer | Unreadable:
    """Read the footer at the end of a file: in one read, or in two if the footer is large."""
    size = file.seek(0, io.SEEK_END)
    tail = _last(file, min(TAIL, size))
    if tail.endswith(b"PARE"):
        return Unreadable("it is encrypted")
    length = int.from_bytes(tail[-8:-4], "little")
    if tail.endswith(b"PAR1") and length + 8 > size:
        return Unreadable("it is truncated: its footer would be larger than the whole file")
    if len(tail) < length + 8 <= size:
        tail = _last(file, length + 8)
    metadata = pq.read_metadata(pa.BufferReader(tail))
    # pyarrow aborts the whole process when it is asked about an encrypted column.
    if length - metadata.serialized_size == SIGNATURE:
        return Unreadable("some of its columns are encrypted")
    return footer_of(metadata)


def _last(file: BinaryIO, size: int) -> bytes:
    file.seek(-size, io.SEEK_END)
    return file.read(size)


def reason(error: Exception) -> str:
    """Return on one line why a file cannot be read."""
    known = error.strerror if isinstance(error, OSError) else None
    text = "".join(filter(str.isprintable, known or " ".join(str(error).split())))
    return text.rstrip(" .:")


def footer_of(metadata: pq.FileMetaData) -> Footer:
    """Return the contents of a footer."""
    schema = metadata.schema.to_arrow_schema()
    leaves = leaves_of(metadata.schema, schema)
    row_bytes = dict.fromkeys(schema.names, 0)
    obstacles = dict.fromkeys(of_types(leaves))
    by_rows = set()
    seen = set()  # most row groups are written in the same way
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        if not group.num_rows:
            continue
        sizes = Counter[str]()
        for i, leaf in enumerate(leaves):
            chunk = group.column(i)
            sizes[leaf.column] += chunk.total_uncompressed_size
            if has_milliseconds(leaf):
                obstacles.update(dict.fromkeys(of_milliseconds(leaf, chunk.statistics)))
            written = (i, chunk.compression, chunk.encodings)
            if written in seen:
                continue
            seen.add(written)
            obstacles.update(dict.fromkeys(of_chunk(leaf, chunk.compression, chunk.encodings)))
            if needs_rows(leaf, chunk.encodings):
                by_rows.add(leaf.column)
        for column, size in sizes.items():
            row_bytes[column] = max(row_bytes[column], size // group.num_rows)
    return Footer(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        types={field.name: str(field.type) for field in schema},
        leaves=leaves,
        row_bytes=row_bytes,
        obstacles=tuple(obstacles),
        by_rows=frozenset(by_rows),
        ids=tuple(ids_of(schema)),
    )


def ids_of(schema: pa.Schema) -> Iterator[tuple[str, int]]:
    """Yield the columns that have a field id, as in files of Iceberg tables."""
    for field in schema:
        if found := (field.metadata or {}).get(FIELD_ID):
            yield field.name, int(found)
