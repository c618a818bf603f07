"""Commit a finished dataset as a Delta table, with deltalake.

One commit makes the log list exactly the dataset's files. It adds those that the log lacks, and
removes those that the dataset no longer has. Repeating a commit therefore changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.udfs.errors import JobError, UserError
from semscore.udfs.stores.names import NO_VALUE, values_in

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

    from semscore.jobs.table_logs.finished import Finished
    from semscore.udfs.stores.folder import Entry

THREADS = 32  # that read footers
ILLEGAL = re.compile(r"[ ,;{}()\n\t=]")  # in a column's name, without column mapping
LONGEST = 32  # characters of a text in the statistics; a longer one would need rounding up


def require_legal(names: Iterable[str]) -> None:
    """Raise UserError for columns that a Delta table cannot have."""
    for name in names:
        if ILLEGAL.search(name):
            raise UserError(
                f"column {name!r}: a Delta table cannot have a column whose name has a space or "
                "one of ,;{}()= in it. Leave it out with --keep, or rename it"
            )


def commit_delta(
    dataset: Finished, options: Mapping[str, str], require_held: Callable[[], None]
) -> int:
    """Make a Delta table list exactly the files of a dataset. Return the table's version.

    `require_held`: raises OutputInUse unless the run still holds OUTPUT. Raises JobError if the log
    cannot be written.
    """
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import CommitProperties, Transaction, create_table_with_add_actions

    place, schema = dataset.output.name, Schema.from_json(dataset.schema.json())
    properties = CommitProperties(
        custom_metadata={"semscore.run": dataset.run},
        app_transactions=[Transaction(f"semscore {dataset.run}", 1)],
    )
    try:
        if not DeltaTable.is_deltatable(place, dict(options)):
            actions = list(_additions(dataset, dataset.paths))
            require_held()
            create_table_with_add_actions(
                place,
                schema,
                actions,
                mode="error",
                partition_by=list(dataset.partition_by),
                storage_options=dict(options),
                commit_properties=properties,
            )
            return 0
        table = DeltaTable(place, storage_options=dict(options))
        listed = _listed(table)
        added = list(_additions(dataset, dataset.paths - listed.keys()))
        removed = [_removal(listed[path]) for path in sorted(listed.keys() - dataset.paths)]
        if added or removed:
            require_held()
            table.create_write_transaction(
                [*added, *removed],
                "append",
                schema,
                list(dataset.partition_by),
                commit_properties=properties,
            )
            table.update_incremental()
        return table.version()
    except DeltaError as error:
        why = " ".join(str(error).split()).rstrip(".")
        raise JobError(
            f"OUTPUT {place} is complete, but its Delta log could not be written: {why}. Use "
            "--mode resume to try again"
        ) from error


def _listed(table: DeltaTable) -> dict[str, dict[str, Any]]:
    """Return the files that the log lists, by path."""
    rows = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    return {unquote(row["path"]): row for row in rows}


def _removal(listed: Mapping[str, Any]) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    path = unquote(listed["path"])  # which deltalake encodes again
    return RemoveAction(path, True, _now(), listed["size_bytes"], partition_values(path))


def _additions(dataset: Finished, paths: Iterable[str]) -> Iterator[AddAction]:
    """Yield what the log says about some files, with statistics from their footers."""
    from deltalake.transaction import AddAction

    wanted = set(paths)
    entries = [entry for entry in dataset.output.entries() if entry.path in wanted]

    def stats(entry: Entry) -> str:
        with dataset.output.open(entry) as file:
            return json.dumps(statistics(pq.read_metadata(file)), ensure_ascii=False)

    with ThreadPoolExecutor(THREADS) as pool:
        for entry, found in zip(entries, pool.map(stats, entries), strict=True):
            yield AddAction(
                entry.path, entry.size, partition_values(entry.path), _now(), True, found
            )


def partition_values(path: str) -> dict[str, str | None]:
    """Return the values of the partition columns in a path, as Delta's log has them."""
    return {name: None if value == NO_VALUE else value for name, value in values_in(path)}


def statistics(metadata: pq.FileMetaData) -> dict[str, Any]:
    """Return Delta's statistics of a file: rows, and of plain columns nulls, lowest and highest."""
    nulls: dict[str, int] = {}
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    unknown: set[str] = set()  # columns without a minimum and maximum in some row group
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            name, found = chunk.path_in_schema, chunk.statistics
            if "." in name or found is None or not found.has_null_count:
                unknown.add(name)
                continue
            nulls[name] = nulls.get(name, 0) + found.null_count
            if found.null_count == chunk.num_values:
                continue
            ends = _ends(found)
            if ends is None:
                unknown.add(name)
                continue
            low[name] = min(low.get(name, ends[0]), ends[0])
            high[name] = max(high.get(name, ends[1]), ends[1])
    return {
        "numRecords": metadata.num_rows,
        "minValues": {name: _json(value) for name, value in low.items() if name not in unknown},
        "maxValues": {name: _json(value) for name, value in high.items() if name not in unknown},
        "nullCount": {name: count for name, count in nulls.items() if name not in unknown},
    }


def _ends(found: pq.Statistics) -> tuple[Any, Any] | None:
    """Return the minimum and maximum, if they are numbers, days or short texts."""
    if not found.has_min_max:
        return None
    try:
        ends = found.min, found.max
    except (OverflowError, ValueError):  # a date or a time that Python does not have
        return None
    if all(isinstance(end, str) and len(end) <= LONGEST for end in ends):
        return ends
    if all(type(end) in (int, date) for end in ends):
        return ends
    is_number = all(isinstance(end, float) and end == end for end in ends)  # not NaN
    return ends if is_number else None


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _now() -> int:
    """Return the time in milliseconds, as Delta counts it."""
    return int(time() * 1000)
