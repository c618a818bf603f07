"""Make OUTPUT a table when the dataset is complete, if that was asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql.types import StructField, StructType

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.run.run import Account
from semscore.jobs.table_logs.access import deltalake_options
from semscore.jobs.table_logs.delta_commit import commit_delta
from semscore.jobs.table_logs.finished import Finished
from semscore.jobs.table_logs.iceberg_commit import commit_iceberg
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.registry import Storage

SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"  # in the footers that Spark writes

log = logging.getLogger("semscore")


def commit_table(
    account: Account,
    units: Committed,
    lease: Lease,
    storage: Storage,
    partition_by: Sequence[str],
) -> dict[str, Any]:
    """Commit the dataset as a table, once. Return what the manifest says about it.

    Raises OutputInUse if another run has taken over, and JobError if the
    table's log cannot be written.
    """
    target = account.settings.target
    if target.output_format == "parquet":
        return {}
    log.info("committing OUTPUT as a table")
    record = ledger.read_run(account.output) or {}
    paths = [file.path for unit in units for file in unit.files]
    dataset = Finished(
        output=account.output,
        run=account.id,
        schema=_schema(account.output, paths[0], partition_by, record["schema"]),
        partition_by=tuple(partition_by),
        paths=frozenset(paths),
    )
    if target.output_format == "delta":
        options = deltalake_options(account.output.url, storage)
        version = commit_delta(dataset, options, lease.require)
        return {"table": {"format": "Delta", "table": account.output.name, "id": version}}
    assert target.table is not None
    snapshot = commit_iceberg(dataset, target.table, lease.require)
    return {"table": {"format": "Iceberg", "table": target.table, "id": snapshot}}


def _schema(
    output: Folder, path: str, partition_by: Sequence[str], read: dict[str, Any]
) -> StructType:
    """Return the columns of OUTPUT, as Spark wrote them; those of folders have INPUT's types."""
    with output.open(output.entry(path)) as file:
        stored = pq.read_metadata(file).metadata[SPARK_SCHEMA]
    kinds = {field.name: field.dataType for field in StructType.fromJson(read)}
    folders = [StructField(name, kinds[name]) for name in partition_by]
    return StructType([*StructType.fromJson(json.loads(stored)), *folders])
