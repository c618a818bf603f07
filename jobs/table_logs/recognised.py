"""Folders in which a log decides which files count: Delta and other tables, Spark's streams.

Such a folder also holds files of earlier versions and of failed writes, so it is never read as
plain parquet. Logs that semscore cannot read are refused. OUTPUT is never inside any such folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import is_hidden

THREADS = 8  # for finding logs on S3
STREAM = "_spark_metadata"


@dataclass(frozen=True)
class Kind:
    """A kind of table, with the files by which its log is recognised."""

    what: str
    log: str  # name of its folder
    files: str  # pattern of the names directly in that folder
    beginnings: tuple[str, ...] = ("",)  # of these names, for listing them


METADATA = r"(v\d+|\d+-[0-9a-f-]{36})(\.gz)?\.metadata\.json(\.gz)?"  # of an Iceberg table
METADATA_FILE = re.compile(rf"(^|/)metadata/{METADATA}$")
HINT = "version-hint.text"  # names the current one, in tables without a catalog
DELTA = Kind("a Delta table", "_delta_log", r"\d{20}\..+|_last_checkpoint")
ICEBERG = Kind("an Iceberg table", "metadata", rf"{METADATA}|{re.escape(HINT)}", ("v", "0"))
KINDS = (
    DELTA,
    ICEBERG,
    Kind("a Hudi table", ".hoodie", ".+"),
    Kind("a Paimon table", "snapshot", r"snapshot-\d+", ("snapshot-",)),
    Kind("the output of a Spark stream", STREAM, r"\d+(\.compact)?"),
)
LOGS = re.compile(rf"(^|/)({'|'.join(re.escape(kind.log) for kind in KINDS)})/([^/]+)$")


@dataclass(frozen=True)
class Table:
    """A folder with a log. It is a given place, or above or below it."""

    kind: Kind
    folder: Folder  # the place, or a folder above it
    root: str = ""  # the table's path in `folder`

    @property
    def name(self) -> str:
        """Return the table's own folder, for messages."""
        return self.folder.full(self.root).rstrip("/")

    @property
    def url(self) -> str:
        """Return the URL of the table's own folder, as Spark writes it."""
        return f"{self.folder.url}/{self.root}".rstrip("/")


def log_in(folder: Folder) -> Kind | None:
    """Return the kind of table that a folder is, if it is one that semscore reads."""
    return next((table.kind for table in _tables(folder, (DELTA, ICEBERG))), None)


def require_no_table(output: Folder) -> None:
    """Raise UserError if OUTPUT is, or is inside, a table or the output of a Spark stream."""
    for table in tables_around(output, True):
        relation = "is" if table.folder is output else "is inside"
        raise UserError(
            f"OUTPUT {output.name} {relation} {table.kind.what} ({table.name}), whose log "
            f"in {table.kind.log} does not list files that others write there. Choose a folder "
            "outside it"
        )


def tables_below(folder: Folder, entries: Iterable[Entry]) -> Iterator[Table]:
    """Yield the tables that a folder is or contains, except those in hidden folders."""
    seen = set()
    for entry in entries:
        match = LOGS.search(entry.path)
        if match is None:
            continue
        kind = next(kind for kind in KINDS if kind.log == match[2])
        root = entry.path[: match.start()]
        is_log = re.fullmatch(kind.files, match[3]) and not is_hidden(root)
        if is_log and (kind, root) not in seen:
            seen.add((kind, root))
            yield Table(kind, folder, root)


def tables_around(folder: Folder, itself: bool) -> list[Table]:
    """Return the tables that a folder is inside, or is. Skips folders that cannot be listed."""
    places = [*([folder] if itself else []), *folder.above()]
    with ThreadPoolExecutor(THREADS) as pool:
        return [table for tables in pool.map(_tables, places) for table in tables]


def _tables(folder: Folder, kinds: Sequence[Kind] = KINDS) -> list[Table]:
    tables = []
    for kind in kinds:
        for beginning in kind.beginnings:
            names: list[str] = []
            with suppress(OSError):
                names = folder.names(f"{kind.log}/{beginning}")
            if any(re.fullmatch(kind.files, name) for name in names):
                tables.append(Table(kind, folder))
    return tables
