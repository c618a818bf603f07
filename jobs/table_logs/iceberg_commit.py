"""Commit a finished dataset as an Iceberg table in a catalog, with pyiceberg.

The table is made to list exactly the dataset's files, in one commit, as in delta_commit.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from semscore.jobs.table_logs.finished import Finished
from semscore.jobs.table_logs.locations import plain_url
from semscore.udfs.errors import JobError, UserError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

NAME_MAPPING = "schema.name-mapping.default"  # Spark's files have no field ids
OWNER = "semscore.output"  # property of a table: the dataset that it is made from


def require_table(name: str, output: str) -> None:
    """Raise UserError unless a dataset can become the table `catalog.namespace.table`.

    `output`: the dataset's URL, as the table has it. The catalog must be reachable, and the table
    must not exist or must have been made from this dataset.
    """
    catalog, identifier = _catalog(name)
    try:
        table = _existing(catalog, identifier)
        if table is None:
            catalog.load_namespace_properties(identifier.rpartition(".")[0])
    except Exception as error:  # each kind of catalog has its own
        raise UserError(f"--table {name} cannot be used: {_told(error)}") from error
    if table is not None and table.properties.get(OWNER) != output:
        raise UserError(
            f"--table {name} exists already, and was not made from OUTPUT. Choose another name"
        )


def commit_iceberg(dataset: Finished, name: str, require_held: Callable[[], None]) -> int:
    """Make an Iceberg table list exactly the files of a dataset. Return the snapshot's id.

    `require_held`: raises OutputInUse unless the run still holds OUTPUT. Raises JobError if the
    catalog refuses the commit.
    """
    from pyiceberg.io.pyarrow import parquet_file_to_data_file

    catalog, identifier = _catalog(name)
    output = plain_url(dataset.output.url)
    urls = {f"{output}/{path}" for path in dataset.paths}
    try:
        require_held()
        table = _existing(catalog, identifier) or _created(catalog, identifier, dataset, output)
        listed = {task.file.file_path: task.file for task in table.scan().plan_files()}
        added, removed = sorted(urls - listed.keys()), sorted(listed.keys() - urls)
        if added or removed:
            properties = {"semscore.run": dataset.run}
            with table.transaction() as change:
                update = change.update_snapshot(snapshot_properties=properties)
                with update.overwrite() as files:
                    for url in removed:
                        files.delete_data_file(listed[url])
                    for url in added:
                        files.append_data_file(
                            parquet_file_to_data_file(table.io, change.table_metadata, url)
                        )
                require_held()
    except JobError:
        raise
    except Exception as error:  # each kind of catalog has its own
        raise JobError(
            f"OUTPUT {dataset.output.name} is complete, but it could not be committed as {name}: "
            f"{_told(error)}. Use --mode resume to try again"
        ) from error
    snapshot = catalog.load_table(identifier).current_snapshot()
    assert snapshot is not None
    return snapshot.snapshot_id


def _catalog(name: str) -> tuple[Catalog, str]:
    """Return the catalog of a table's full name, and its name there. Raises UserError."""
    from pyiceberg.catalog import load_catalog

    catalog, _, identifier = name.partition(".")
    if not catalog or "." not in identifier:
        raise UserError(
            f"--table {name}: expected CATALOG.NAMESPACE.TABLE, for example prod.search.scored"
        )
    try:
        return load_catalog(catalog), identifier
    except Exception as error:  # each kind of catalog has its own
        raise UserError(
            f"--table {name}: the catalog cannot be used: {_told(error)}. pyiceberg finds "
            "catalogs in ~/.pyiceberg.yaml, or in variables such as "
            f"PYICEBERG_CATALOG__{catalog.upper()}__URI"
        ) from error


def _existing(catalog: Catalog, identifier: str) -> Table | None:
    from pyiceberg.exceptions import NoSuchTableError

    try:
        return catalog.load_table(identifier)
    except NoSuchTableError:
        return None


def _created(catalog: Catalog, identifier: str, dataset: Finished, output: str) -> Table:
    """Create a table with the columns of a dataset's files, where the catalog puts its tables."""
    first = dataset.output.entry(min(dataset.paths))
    with dataset.output.open(first) as file:
        schema = pq.read_schema(file).remove_metadata()
    table = catalog.create_table(identifier, schema, properties={OWNER: output})
    with table.transaction() as change:
        change.set_properties({NAME_MAPPING: table.schema().name_mapping.model_dump_json()})
    return table


def _told(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
