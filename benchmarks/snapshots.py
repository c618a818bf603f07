"""Measure the driver when it reads the log of a large table: `python -m benchmarks.snapshots`.

Four tables: Delta and Iceberg, each with very many files and with very many deleted rows. They are
made with Spark and with Delta's and Iceberg's packages, which `make build/tables/ready` fetches.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks import BUILD
from benchmarks.ours import Book
from semscore.jobs.table_logs.opening import open_table
from semscore.udfs.stores.registry import Storage

PLACE = (BUILD / "tables").resolve()  # Spark wants absolute paths
FILES = 100_000
DELETED = 10_000_000  # of twice as many rows, in 20 files
COLUMNS = ["table", "files", "rows", "deleted_rows", "seconds", "peak_mb", "peak_mb_before"]


def many_files(folder: Path) -> dict[str, Path]:
    """Make tables whose logs list FILES files. The files themselves do not exist."""
    import pyarrow as pa
    from deltalake import Schema
    from deltalake.transaction import AddAction, create_table_with_add_actions
    from pyiceberg.catalog import load_catalog
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    schema = pa.schema({"id": pa.int64(), "text1": pa.string(), "text2": pa.string()})
    names = [f"part-{n:06}.parquet" for n in range(FILES)]
    added = [AddAction(name, 10**6, {}, 0, True, '{"numRecords": 1000}') for name in names]
    create_table_with_add_actions(str(folder / "delta"), Schema.from_arrow(schema), added)
    uri = f"sqlite:///{folder}/catalog.db"
    catalog = load_catalog("own", type="sql", uri=uri, warehouse=f"file://{folder}/lake")
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", schema)
    with table.transaction() as change, change.update_snapshot().fast_append() as append:
        for name in names:
            file = DataFile.from_args(
                content=DataFileContent.DATA,
                file_path=f"{table.location()}/data/{name}",
                file_format=FileFormat.PARQUET,
                partition=Record(),
                record_count=1000,
                file_size_in_bytes=10**6,
            )
            file.spec_id = table.spec().spec_id
            append.append_data_file(file)
    metadata = table.metadata_location.removeprefix("file://")
    return {"Delta, many files": folder / "delta", "Iceberg, many files": Path(metadata)}


def many_deletes(folder: Path) -> dict[str, Path]:
    """Make tables of which half the rows are deleted."""
    from tests.services.tables import spark_with_tables

    spark = spark_with_tables(folder / "ice")
    rows = f"SELECT id, 'a' AS text1, 'b' AS text2 FROM range(0, {2 * DELETED}, 1, 20)"
    delta = f"delta.`{folder}/deleted`"
    on = "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"
    spark.sql(f"CREATE TABLE {delta} USING delta {on} AS {rows}")
    on = "TBLPROPERTIES ('format-version' = '2', 'write.delete.mode' = 'merge-on-read')"
    spark.sql(f"CREATE TABLE ice.db.t USING iceberg {on} AS {rows}")
    for table in (delta, "ice.db.t"):
        spark.sql(f"DELETE FROM {table} WHERE id % 2 = 0")
    spark.stop()
    return {
        "Delta, deletion vectors": folder / "deleted",
        "Iceberg, position deletes": folder / "ice/db/t",
    }


def read(place: str) -> None:
    """Read a table's log, and print what that took."""
    from semscore.jobs.dataset import source  # noqa: F401 - what a driver has loaded anyway

    before, start = peak_mb(), perf_counter()
    snapshot = open_table([place], Storage(), None)
    assert snapshot is not None
    deleted = sum(map(len, snapshot.positions.values()))
    found = {
        "files": len(snapshot.files),
        "rows": snapshot.rows,
        "deleted_rows": deleted,
        "seconds": perf_counter() - start,
        "peak_mb": peak_mb(),
        "peak_mb_before": before,
    }
    print(json.dumps(found))


def peak_mb() -> float:
    """Return the largest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Make the tables, and read the log of each in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--read", metavar="TABLE", help="read this table, and print the figures")
    args = options.parse_args()
    if args.read:
        read(args.read)
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    book = Book("snapshots", COLUMNS)
    for table, place in (many_files(PLACE) | many_deletes(PLACE)).items():
        command = [sys.executable, "-m", "benchmarks.snapshots", "--read", str(place)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        book.add(table=table, **json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
