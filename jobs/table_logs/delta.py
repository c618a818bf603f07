"""Read a Delta table's log with deltalake. The data itself is read by Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semscore.jobs.table_logs.locations import decoded_url
from semscore.jobs.table_logs.snapshot import OTHER_WAY, LiveFile, Positions, Snapshot
from semscore.udfs.errors import UserError, some_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from semscore.udfs.stores.folder import Folder

# Reader features that change nothing about the rows of a file, or that are dealt with here.
KNOWN = {"columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
MAPPING = "delta.columnMapping.mode"


def read_delta(folder: Folder, version: int | None, options: Mapping[str, str]) -> Snapshot:
    """Return a version of the Delta table in a folder; None: the latest.

    `options`: deltalake's, for the storage. Raises UserError if the version does not exist, or if
    the table has features that semscore does not know.
    """
    from pyspark.sql.types import StructField, StructType

    table = _opened(folder, version, options)
    _require_known(folder, table)
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    columns = tuple(table.metadata().partition_columns)
    added = pa.table(table.get_add_actions(flatten=False))
    counts = added["num_records"]
    positions = dict(_positions(table))
    rows = None if counts.null_count else (pc.sum(counts).as_py() or 0)
    return Snapshot(
        format="Delta",
        name=folder.name,
        root=folder.url,
        id=table.version(),
        schema=StructType([StructField(field.name, field.dataType) for field in schema]),
        files=tuple(_files(folder, added, columns)),
        rows=None if rows is None else rows - sum(map(len, positions.values())),
        partition=columns,
        folders=True,
        positions=positions,
    )


def _opened(folder: Folder, version: int | None, options: Mapping[str, str]) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    def latest() -> DeltaTable:
        return DeltaTable(folder.name, storage_options=dict(options))

    try:
        if version is None:
            return latest()
        return DeltaTable(folder.name, version=version, storage_options=dict(options))
    except (DeltaError, OSError) as error:
        last = None
        if version is not None:
            with suppress(DeltaError, OSError):
                last = latest().version()
        if version is not None and last is not None and version > last:
            raise UserError(
                f"INPUT {folder.name}: the Delta table has no version {version}; its latest is "
                f"{last}. Choose another with --snapshot"
            ) from error
        which = "" if version is None else f" of version {version}"
        why = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"INPUT {folder.name}: the Delta table's log{which} cannot be read: {why}. Check it "
            f"with Delta itself, or {OTHER_WAY}"
        ) from error


def _require_known(folder: Folder, table: DeltaTable) -> None:
    """Raise UserError for a table of which deltalake and Spark's parquet reader see other rows."""
    protocol, settings = table.protocol(), table.metadata().configuration
    features = set(protocol.reader_features or ())
    if unknown := sorted(features - KNOWN):
        raise UserError(
            f"INPUT {folder.name}: the Delta table has {some_of(unknown)} among its reader "
            "features, which semscore does not know. Remove the feature (ALTER TABLE … DROP "
            f"FEATURE `{unknown[0]}`), or {OTHER_WAY}"
        )
    mode = settings.get(MAPPING, "none")
    if mode != "none":
        raise UserError(
            f"INPUT {folder.name}: the Delta table's columns have other names in its files "
            f"({MAPPING} is {mode!r}). Write the table's names into the files (ALTER TABLE … SET "
            f"TBLPROPERTIES ('{MAPPING}' = 'none')), or {OTHER_WAY}"
        )


def _files(folder: Folder, added: pa.Table, columns: tuple[str, ...]) -> Iterator[LiveFile]:
    """Yield the files of the log's add actions."""
    for batch in added.select(["path", "partition"] if columns else ["path"]).to_batches():
        for row in batch.to_pylist():
            values = tuple(row["partition"][name] for name in columns) if columns else ()
            yield LiveFile(_url(folder, row["path"]), values)


def _url(folder: Folder, path: str) -> str:
    """Return the URL of a path in the log, which is encoded, and absolute in a shallow clone."""
    if re.match("[A-Za-z][A-Za-z0-9+.-]*:/", path):
        return decoded_url(path)
    return f"{folder.url}/{unquote(path)}"


def _positions(table: DeltaTable) -> Iterator[tuple[str, Positions]]:
    """Yield the files that have a deletion vector, with their deleted rows."""
    for batch in pa.RecordBatchReader.from_stream(table.deletion_vectors()):
        record = pa.record_batch(batch)
        for url, kept in zip(record["filepath"], record["selection_vector"], strict=True):
            keep = kept.values.to_numpy(zero_copy_only=False)
            yield decoded_url(url.as_py()), np.flatnonzero(~keep).astype(np.int64)
