"""Read an Iceberg table's metadata with pyiceberg. The data itself is read by Spark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.table_logs.iceberg_types import spark_schema
from semscore.jobs.table_logs.locations import spark_url
from semscore.jobs.table_logs.snapshot import OTHER_WAY, LiveFile, Positions, Snapshot, united
from semscore.udfs.errors import UserError

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import FileScanTask, Table

REWRITE = "CALL catalog.system.rewrite_data_files(table => 'db.table', options => map({}))"
APPLY = (  # deletes, and remove their files
    "'delete-file-threshold', '1', 'use-starting-sequence-number', 'false', "
    "'remove-dangling-deletes', 'true'"
)
EPOCH = date(1970, 1, 1)


def open_files(place: str, given: str, options: Mapping[str, str]) -> Table:
    """Return the table of a metadata file, or of a folder with a version hint.

    `options`: pyiceberg's, for the storage. Raises UserError if it cannot be read.
    """
    from pyiceberg.table import StaticTable

    try:
        return StaticTable.from_metadata(place, dict(options))
    except Exception as error:  # of the storage, of JSON, of pydantic
        raise _unreadable(given, error) from error


def open_in_catalog(name: str) -> Table:
    """Return the table `catalog.namespace.table`, by pyiceberg's own configuration.

    Raises UserError if the catalog is not configured, cannot be reached, or has no such table.
    """
    from pyiceberg.catalog import load_catalog

    catalog, _, identifier = name.partition(".")
    if not catalog or "." not in identifier:
        raise UserError(
            f"INPUT iceberg:{name}: expected iceberg:CATALOG.NAMESPACE.TABLE, for example "
            "iceberg:prod.search.pairs"
        )
    try:
        return load_catalog(catalog).load_table(identifier)
    except Exception as error:  # each kind of catalog has its own
        why = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"INPUT iceberg:{name}: the table cannot be loaded: {why}. pyiceberg finds catalogs "
            "in ~/.pyiceberg.yaml, or in variables such as "
            f"PYICEBERG_CATALOG__{catalog.upper()}__URI"
        ) from error


def read_iceberg(table: Table, given: str, snapshot: int | None) -> Snapshot:
    """Return a snapshot of an Iceberg table; None: the current one.

    Raises UserError if there is none, and for what Spark's parquet reader would read differently.
    """
    chosen = table.snapshot_by_id(snapshot) if snapshot is not None else table.current_snapshot()
    if chosen is None:
        if snapshot is None:
            raise UserError(f"INPUT {given}: the Iceberg table has no snapshot, so it has no rows")
        known = [entry.snapshot_id for entry in table.metadata.snapshots]
        latest = f"; its current one is {table.metadata.current_snapshot_id}" if known else ""
        raise UserError(
            f"INPUT {given}: the Iceberg table has no snapshot {snapshot}{latest}. Choose another "
            "with --snapshot"
        )
    scan = table.scan(snapshot_id=chosen.snapshot_id)
    # The current snapshot is read with the columns of now, which may have changed without new data.
    is_current = chosen.snapshot_id == table.metadata.current_snapshot_id
    schema = table.schema() if is_current else scan.projection()
    tasks = _planned(given, scan)
    by_id = was_renamed(schema, table.schemas().values())
    read, unreadable = spark_schema(schema, by_id)
    columns = _identities(table, schema, read.names)
    specs = table.specs()
    files = tuple(_file(task, specs[task.file.spec_id], schema, columns) for task in tasks)
    positions = _positions(table, tasks)
    rows = sum(task.file.record_count for task in tasks)
    return Snapshot(
        format="Iceberg",
        name=table.location().rstrip("/"),
        root=spark_url(table.location().rstrip("/")),
        id=chosen.snapshot_id,
        schema=read,
        files=files,
        rows=rows - sum(map(len, positions.values())),
        partition=tuple(str(schema.find_column_name(field)) for field in columns),
        by_id=by_id,
        unreadable=unreadable,
        positions=positions,
    )


def _planned(given: str, scan: Any) -> list[FileScanTask]:
    """Return the data files of a scan, with the files of their deleted rows."""
    from pyiceberg.manifest import FileFormat

    try:
        tasks = list(scan.plan_files())
    except ValueError as error:
        if "equality delet" not in str(error):
            raise _unreadable(given, error) from error
        command = REWRITE.format(APPLY)
        raise UserError(
            f"INPUT {given}: the Iceberg table has equality deletes, as Flink writes them, and "
            f"semscore reads only position deletes. Apply them with Spark: {command}, or "
            f"{OTHER_WAY}"
        ) from error
    except OSError as error:
        raise _unreadable(given, error) from error
    for task in tasks:
        if task.file.file_format != FileFormat.PARQUET:
            command = REWRITE.format("'rewrite-all', 'true'")
            raise UserError(
                f"INPUT {given}: {task.file.file_path} is a file in {task.file.file_format} "
                "format, but semscore reads parquet. Set the table's write.format.default to "
                f"parquet and rewrite it with Spark: {command}, or {OTHER_WAY}"
            )
    return tasks


def _unreadable(given: str, error: Exception) -> UserError:
    why = " ".join(str(error).split()).rstrip(".")
    return UserError(
        f"INPUT {given}: the Iceberg table's metadata cannot be read: {why}. Check it with Iceberg "
        f"itself, or {OTHER_WAY}"
    )


def was_renamed(schema: Schema, others: Iterable[Schema]) -> bool:
    """Return whether a field of the schema had another name once, or its name another field."""
    from pyiceberg.schema import index_name_by_id

    names = index_name_by_id(schema)
    fields = {name: field for field, name in names.items()}
    for other in others:
        for field, name in index_name_by_id(other).items():
            if names.get(field, name) != name or fields.get(name, field) != field:
                return True
    return False


def _identities(table: Table, schema: Schema, names: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of those columns that some files are partitioned by, as they are.

    Files may lack them. `names`: the columns that can be read.
    """
    from pyiceberg.transforms import IdentityTransform

    found = {
        field.source_id: None
        for spec in table.specs().values()
        for field in spec.fields
        if isinstance(field.transform, IdentityTransform)
    }
    top = {field.field_id for field in schema.fields if field.name in names}
    return tuple(field for field in found if field in top)


def _file(
    task: FileScanTask, spec: PartitionSpec, schema: Schema, columns: tuple[int, ...]
) -> LiveFile:
    known: dict[int, Any] = {}
    for place, field in enumerate(spec.fields):
        known[field.source_id] = task.file.partition[place]
    values = tuple(_value(schema, field, known.get(field)) for field in columns)
    return LiveFile(spark_url(task.file.file_path), values)


def _value(schema: Schema, field: int, value: Any) -> Any:
    """Return a partition value as Python has it. Iceberg stores days since 1970."""
    from pyiceberg.types import DateType

    is_date = isinstance(schema.find_type(field), DateType)
    return EPOCH + timedelta(days=value) if is_date and isinstance(value, int) else value


def _positions(table: Table, tasks: Iterable[FileScanTask]) -> dict[str, Positions]:
    """Return the deleted rows of the files that have some. Reads each file of deletes once."""
    of_file: dict[str, list[Positions]] = defaultdict(list)
    wanted: dict[str, tuple[DataFile, set[str]]] = {}
    for task in tasks:
        for deletes in task.delete_files:
            _, paths = wanted.setdefault(deletes.file_path, (deletes, set()))
            paths.add(task.file.file_path)
    for deletes, paths in wanted.values():
        for path, positions in _read_deletes(table, deletes):
            if path in paths:
                of_file[path].append(positions)
    return {spark_url(path): united(found) for path, found in of_file.items()}


def _read_deletes(table: Table, deletes: DataFile) -> Iterator[tuple[str, Positions]]:
    """Yield the data files that a file of deletes is about, with the rows that it deletes."""
    from pyiceberg.manifest import FileFormat
    from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
    from pyiceberg.table.puffin import PuffinFile

    with table.io.new_input(deletes.file_path).open() as file:
        content = file.read()
    if deletes.file_format == FileFormat.PUFFIN:
        for vector in deletion_vectors_from_puffin_file(PuffinFile(content)):
            yield vector.referenced_data_file, vector.to_vector().to_numpy().astype(np.int64)
        return
    rows = pq.read_table(pa.BufferReader(content), columns=["file_path", "pos"])
    paths = rows["file_path"].combine_chunks().dictionary_encode()
    codes, positions = paths.indices.to_numpy(), rows["pos"].to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(paths.dictionary)))
    for path, found in zip(paths.dictionary, np.split(positions[order], ends[:-1]), strict=True):
        yield path.as_py(), found.astype(np.int64)
