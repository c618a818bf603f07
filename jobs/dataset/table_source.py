"""The files of a table's snapshot as listings, and the table's columns as a footer."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from semscore.jobs.dataset.footers import Footer, footer_of, ids_of
from semscore.jobs.dataset.leaves import Leaf
from semscore.jobs.dataset.listing import THREADS, Listing, SourceFile
from semscore.jobs.dataset.reads import Reads
from semscore.jobs.table_logs.snapshot import FIELD_ID, OTHER_WAY, Snapshot
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.stores.folder import Entry
from semscore.udfs.stores.registry import Storage

# Types of older files that Spark's parquet reader converts to the column's type now: those that are
# stored in the same way. Spark 4 also converts others.
WIDER = {("smallint", "int"), ("tinyint", "int"), ("tinyint", "smallint")}
METADATA = "_metadata"
REWRITE = "CALL catalog.system.rewrite_data_files(table => 'db.table')"


def listings_of(given: str, snapshot: Snapshot, storage: Storage) -> list[Listing]:
    """Return the live files, by the folder that they are in: the table's, or others.

    Raises UserError if a file does not exist.
    """
    home = f"{snapshot.root}/"
    try:
        known = {entry.path: entry for entry in storage.folder(snapshot.root).entries()}
    except OSError as error:
        raise UserError(f"INPUT {given} cannot be listed: {error}") from error
    by_root: dict[str, list[tuple[str, str]]] = defaultdict(list)  # root -> path, URL
    for file in snapshot.files:
        root = snapshot.root if file.url.startswith(home) else file.url.rpartition("/")[0]
        by_root[root].append((file.url.removeprefix(f"{root}/"), file.url))

    def entry_of(root: str, path: str) -> Entry:
        if root == snapshot.root and path in known:
            return known[path]
        try:
            return storage.folder(root).entry(path)
        except FileNotFoundError:
            raise UserError(
                f"INPUT {given}: {root}/{path} does not exist, although {snapshot.what} lists it. "
                "It may have been removed because the snapshot is old, or the table may have been "
                "copied or moved. Choose a newer snapshot with --snapshot, or restore the file"
            ) from None

    listings = []
    with ThreadPoolExecutor(THREADS) as pool:
        for root, places in sorted(by_root.items()):
            entries = pool.map(lambda place, root=root: entry_of(root, place[0]), places)
            files = [
                SourceFile(root, path, entry.size, entry.tag, deletes=snapshot.deletes(url))
                for (path, url), entry in zip(places, entries, strict=True)
            ]
            files.sort(key=lambda file: file.path)
            listings.append(Listing(given, storage.folder(root), tuple(files), (), ()))
    if not listings:
        raise UserError(f"INPUT {given}: {snapshot.what} has no files, so it has no rows")
    return listings


def table_footer(given: str, snapshot: Snapshot, reads: Reads) -> Footer:
    """Return a footer with the columns of a table.

    Raises UserError for columns that are read and that Spark's parquet reader cannot read.
    """
    for column, what in snapshot.unreadable.items():
        if column in reads:
            out = ". Leave it out with --keep" if reads.may_leave_out(column) else ""
            raise UserError(f"INPUT {given}: column {column!r} of the table {what}{out}")
    if METADATA in snapshot.schema.names and (snapshot.partition or snapshot.positions):
        raise UserError(
            f"INPUT {given}: the table has a column {METADATA!r}, whose name Spark uses for the "
            f"numbers of rows. Rename it, or {OTHER_WAY}"
        )
    stored = io.BytesIO()
    arrow = to_arrow_schema(snapshot.schema)
    pq.write_table(arrow.empty_table(), stored)
    return replace(footer_of(pq.read_metadata(pa.BufferReader(stored.getvalue()))), rows=1)


def as_in_table(name: str, footer: Footer, snapshot: Snapshot) -> Footer:
    """Return the footer of the file `name`, with the names that its columns have in the table.

    Raises UserError if it does not say which column is which.
    """
    if not snapshot.by_id:
        return footer
    if not footer.ids:
        raise UserError(
            f"{name} has no field ids, and columns of {snapshot.what} were renamed, so it does not "
            f"say which column is which. Rewrite it: {REWRITE}, or {OTHER_WAY}"
        )
    names = _names_now(footer.ids, snapshot)
    return replace(
        footer,
        types={names[name]: kind for name, kind in footer.types.items() if name in names},
        leaves=tuple(_renamed(footer.leaves, names)),
        row_bytes={names[name]: size for name, size in footer.row_bytes.items() if name in names},
        obstacles=tuple(
            replace(obstacle, column=names[obstacle.column])
            for obstacle in footer.obstacles
            if obstacle.column in names
        ),
        by_rows=frozenset(names[name] for name in footer.by_rows if name in names),
    )


def names_in_file(schema: pa.Schema, snapshot: Snapshot) -> dict[str, str]:
    """Return the names that the columns of a table have in a file, for those that it has."""
    if not snapshot.by_id:
        return {name: name for name in schema.names}
    return {now: name for name, now in _names_now(ids_of(schema), snapshot).items()}


def _names_now(ids: Iterable[tuple[str, int]], snapshot: Snapshot) -> dict[str, str]:
    """Return the table's names of a file's columns, by their names in the file."""
    now = {field.metadata[FIELD_ID]: field.name for field in snapshot.schema}
    return {name: now[field] for name, field in ids if field in now}


def _renamed(leaves: Sequence[Leaf], names: dict[str, str]) -> Iterator[Leaf]:
    for leaf in leaves:
        if leaf.column in names:
            yield replace(leaf, path=(names[leaf.column], *leaf.path[1:]))


def require_fits(
    reads: Reads, snapshot: Snapshot, table: Footer, name: str, footer: Footer
) -> None:
    """Raise UserError unless Spark reads a file's columns as those of the table.

    `table`: as from table_footer(). `footer`: of the file `name`, as from as_in_table(). A column
    that the file lacks has no values there, and one that the table lacks is not read.
    """
    wanted = {leaf.path: leaf.kind for leaf in table.leaves}
    for leaf in footer.leaves:
        kind = wanted.get(leaf.path)
        if leaf.column in reads and kind not in (None, leaf.kind):
            if (leaf.kind, kind) in WIDER:
                continue
            raise UserError(
                f"column {leaf.name!r} is {leaf.kind} in {name}, but {kind} in {snapshot.what}, "
                "and Spark's parquet reader does not convert it. Rewrite the table's older files, "
                f"or {OTHER_WAY}"
            )


def require_columns_as_before(
    table: Snapshot | None, reads: Reads, record: Mapping[str, Any] | None
) -> None:
    """Raise UserError if a table has other columns than when a dataset was started.

    `record`: the run.json of the dataset. Columns that are not read may differ.
    """
    if table is None or record is None:
        return
    then, now = (
        {field.name: field.dataType.simpleString() for field in schema if field.name in reads}
        for schema in (StructType.fromJson(record["schema"]), table.schema)
    )
    changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if changed:
        raise UserError(
            f"the columns of {table.what} have changed since OUTPUT was started: "
            f"{some_of(changed)}. Choose another OUTPUT"
        )
