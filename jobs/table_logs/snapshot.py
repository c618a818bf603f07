"""A snapshot of a table: its live files, and the rows of them that have been deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

OTHER_WAY = "score the table with similarity() (docs/tables.md)"  # what reads all tables
FIELD_ID = "parquet.field.id"  # Spark's name of it, in the metadata of a column
Positions = NDArray[np.int64]  # numbers of rows in a file, sorted, each once
NONE: Positions = np.empty(0, np.int64)


@dataclass(frozen=True)
class LiveFile:
    """A data file of a snapshot."""

    url: str  # as Spark writes it
    values: tuple[Any, ...] = ()  # of the snapshot's `partition` columns, as Python values


@dataclass(frozen=True)
class Snapshot:
    """A version of a table, which no later write changes.

    Deleted rows are kept as their positions: eight bytes each, and nothing for other files.
    """

    format: str  # Delta or Iceberg
    name: str  # of the table, for messages
    root: str  # URL of its folder
    id: int  # Delta's version, or Iceberg's snapshot id
    schema: StructType  # its fields have Iceberg's ids in their metadata if `by_id`
    files: tuple[LiveFile, ...]
    rows: int | None = None  # that are live, according to the log; None: it does not say
    partition: tuple[str, ...] = ()  # columns whose values the log knows, and files may lack
    folders: bool = False  # whether they are partition folders
    by_id: bool = False  # columns were renamed, so they are found in files by their ids
    # Columns that Spark's parquet reader cannot read, and why. `schema` lacks them.
    unreadable: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[str, Positions] = field(default_factory=dict, repr=False)  # by URL

    @property
    def what(self) -> str:
        """Return the table and the snapshot, for messages."""
        return described(self.record)

    @property
    def record(self) -> dict[str, Any]:
        """Return what the records of a run say about the snapshot."""
        return {"format": self.format, "table": self.name, "root": self.root, "id": self.id}

    def values(self, url: str) -> tuple[Any, ...]:
        """Return the values of the `partition` columns in a file."""
        return self._values[url]

    @cached_property
    def _values(self) -> dict[str, tuple[Any, ...]]:
        return {file.url: file.values for file in self.files}

    def deleted(self, url: str) -> Positions:
        """Return the numbers of a file's deleted rows."""
        return self.positions.get(url, NONE)

    def deletes(self, url: str) -> str:
        """Return what changes if other rows of a file are deleted; empty if none is."""
        if url not in self.positions:
            return ""
        return hashlib.sha256(self.positions[url].tobytes()).hexdigest()[:12]


def described(record: Mapping[str, Any]) -> str:
    """Return the table and the snapshot that a record names."""
    kind = "version" if record["format"] == "Delta" else "snapshot"
    return f"{record['format']} table {record['table']}, {kind} {record['id']}"


def united(found: Iterable[Positions]) -> Positions:
    """Return the union of some positions."""
    several = list(found)
    return np.unique(np.concatenate(several)) if several else NONE


def count_between(positions: Positions, start: int, stop: int) -> int:
    """Return how many of some positions are from `start` to `stop`."""
    first, end = np.searchsorted(positions, (start, stop))
    return int(end - first)
