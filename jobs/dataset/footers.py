"""Parquet footers: rows, bytes and columns of files, without reading their data."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.folder import Entry, Folder, StorageError

THREADS = 32  # footers are small and far away: waiting, not computing
AHEAD = 4_000


@dataclass(frozen=True)
class Leaf:
    """A primitive column as the file stores it; two equal leaves are read alike by Spark."""

    path: str  # dotted where nested
    physical: str
    logical: str
    length: int
    repeated: int


@dataclass(frozen=True)
class Footer:
    """What one file says of itself."""

    rows: int
    row_groups: int
    types: dict[str, str]  # top-level column -> Arrow's name of its type
    strings: frozenset[str]  # top-level columns of text
    leaves: tuple[Leaf, ...]
    row_bytes: dict[str, int]  # leaf -> bytes per row, in the row group with the largest


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read, and why."""

    reason: str


def read_footers(folder: Folder, entries: Iterable[Entry]) -> Iterator[Footer | Unreadable]:
    """The footers of some files, in order, read in parallel and some ahead of whoever asks."""
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
        return Unreadable("Spark opens no file with a colon in its name")
    if "//" in f"/{entry.path}":
        return Unreadable("Spark opens no object with two slashes in a row in its name")
    try:
        with folder.open(entry) as file:
            return _footer(pq.read_metadata(file))
    except StorageError:
        raise
    except (pa.ArrowException, OSError) as error:
        return Unreadable(reason(error))
    except UnicodeDecodeError:
        return Unreadable("the name of a column is not valid UTF-8")


def reason(error: Exception) -> str:
    """Why a file cannot be read, on one line."""
    known = error.strerror if isinstance(error, OSError) else None
    text = "".join(filter(str.isprintable, known or " ".join(str(error).split())))
    return text.rstrip(" .:")


def _footer(metadata: pq.FileMetaData) -> Footer:
    schema = metadata.schema.to_arrow_schema()
    leaves = tuple(_leaf(metadata.schema.column(i)) for i in range(len(metadata.schema)))
    return Footer(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        types={field.name: str(field.type) for field in schema},
        strings=frozenset(field.name for field in schema if _is_text(field.type)),
        leaves=leaves,
        row_bytes=_row_bytes(metadata, leaves),
    )


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(value) or pa.types.is_large_string(value) or str(value) == "string_view"
    )


def _leaf(column: pq.ColumnSchema) -> Leaf:
    """Annotations that mean the same to Spark are made the same."""
    logical = str(column.logical_type)
    if logical in ("Int(bitWidth=32, isSigned=true)", "Int(bitWidth=64, isSigned=true)"):
        logical = "None"  # what the physical type says already
    timestamp = re.match(r"Timestamp\(isAdjustedToUTC=(\w+), timeUnit=(\w+)", logical)
    if timestamp:
        utc, unit = timestamp.groups()
        logical = f"Timestamp(utc={utc}, nanoseconds={unit == 'nanoseconds'})".lower()
    physical, length = column.physical_type, column.length
    if logical.startswith("Decimal("):
        physical, length = "any", 0  # some writers use bytes, some integers where these suffice
    return Leaf(column.path, physical, logical, length, column.max_repetition_level)


def _row_bytes(metadata: pq.FileMetaData, leaves: tuple[Leaf, ...]) -> dict[str, int]:
    largest = {leaf.path: 0 for leaf in leaves}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for i, leaf in enumerate(leaves):
            average = group.column(i).total_uncompressed_size // max(group.num_rows, 1)
            largest[leaf.path] = max(largest[leaf.path], average)
    return largest
