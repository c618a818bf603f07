"""The live rows of a table's files: without deleted rows, and with the values that the log knows.

Both come from broadcast joins on what Spark knows about each row: its file and its number there.
They move no row, so the rows of a file stay in their tasks and in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it
from pyspark.sql.types import LongType, StringType, StructField, StructType

from semscore.jobs.dataset.java_urls import spellings
from semscore.jobs.dataset.parts import NUMBER, ROW
from semscore.jobs.dataset.session_conf import session_conf
from semscore.jobs.dataset.sql_names import column
from semscore.jobs.table_logs.snapshot import Positions, Snapshot

if TYPE_CHECKING:
    from semscore.jobs.dataset.listing import SourceFile

BY_ID = "spark.sql.parquet.fieldId.read.enabled"
PATH, FILE, KEY = "semscore path", "semscore file", "semscore key"
FILE_ROWS = 2**40  # a file has fewer rows, so file and row make one number


def stored_columns(snapshot: Snapshot) -> StructType:
    """Return the columns that are read from files."""
    if not snapshot.folders:
        return snapshot.schema
    return StructType([field for field in snapshot.schema if field.name not in snapshot.partition])


def scan(spark: SparkSession, snapshot: Snapshot, urls: Sequence[str]) -> DataFrame:
    """Return all rows of some files, deleted ones included, with the columns that are stored.

    Without `basePath`, Spark takes no values from the names of folders.
    """
    if snapshot.by_id:
        spark.conf.set(BY_ID, "true")
    reader = spark.read.option("__globPaths__", "false").schema(stored_columns(snapshot))
    return reader.parquet(*urls)


def live_rows(
    rows: DataFrame, columns: Sequence[str], snapshot: Snapshot, files: Sequence[SourceFile]
) -> DataFrame:
    """Return the rows of whole files that count, with all columns of the table.

    `rows`: as from scan(). `columns`: their names. Raises an error in Spark if a row is of none of
    the files.
    """
    spark = rows.sparkSession
    deleted = [snapshot.deleted(file.url) for file in files]
    if not snapshot.partition and not any(map(len, deleted)):
        return rows
    listed = [
        (spelling, place, *snapshot.values(file.url))
        for place, file in enumerate(files)
        for spelling in spellings(file.url)
    ]
    known = [snapshot.schema[name] for name in snapshot.partition]
    renamed = [StructField(_known(place), field.dataType) for place, field in enumerate(known)]
    schema = StructType([StructField(PATH, StringType()), StructField(FILE, LongType()), *renamed])
    frame = rows.select(
        *(column(name) for name in columns),
        F.col("_metadata.file_path").alias(PATH),
        F.col(ROW).alias(NUMBER),
    )
    frame = frame.join(F.broadcast(spark.createDataFrame(listed, schema)), PATH, "left")
    unknown = F.raise_error(F.concat(F.lit("semscore did not ask for the file "), column(PATH)))
    frame = frame.where(F.coalesce(column(FILE), unknown.cast("bigint")) >= 0)
    if any(map(len, deleted)):
        keys = np.concatenate([place * FILE_ROWS + found for place, found in enumerate(deleted)])
        frame = _without(frame, column(FILE) * FILE_ROWS + column(NUMBER), keys)
    return frame.select(*_table_columns(frame, snapshot))


def live_part(
    rows: DataFrame, snapshot: Snapshot, file: SourceFile, start: int, stop: int
) -> DataFrame:
    """Return the rows from `start` to `stop` of one file that count, with all columns of the table.

    `rows` have the column NUMBER.
    """
    deleted = snapshot.deleted(file.url)
    first, end = np.searchsorted(deleted, (start, stop))
    if end > first:
        rows = _without(rows, column(NUMBER), deleted[first:end])
    if snapshot.partition:
        values = snapshot.values(file.url)
        known = [snapshot.schema[name].dataType for name in snapshot.partition]
        rows = rows.withColumns(
            {
                _known(place): F.lit(value).cast(kind)
                for place, (value, kind) in enumerate(zip(values, known, strict=True))
            }
        )
    return rows.select(*_table_columns(rows, snapshot))


def _known(place: int) -> str:
    """Return the name of the column with the log's values of a partition column."""
    return f"semscore value {place}"


def _table_columns(frame: DataFrame, snapshot: Snapshot) -> list[Column]:
    """Return the columns of the table that a frame has, stored or known, in the table's order."""
    places = {name: place for place, name in enumerate(snapshot.partition)}
    present = set(frame.columns)
    columns = []
    for name in snapshot.schema.names:
        found = [column(name)] if name in present else []
        if name in places:
            found.append(column(_known(places[name])))
        if found:
            columns.append((F.coalesce(*found) if len(found) > 1 else found[0]).alias(name))
    return columns


def _without(rows: DataFrame, key: Column, deleted: Positions) -> DataFrame:
    """Return the rows whose key is not among some numbers."""
    spark = rows.sparkSession
    with session_conf(spark, {"spark.sql.execution.arrow.pyspark.enabled": "true"}):
        gone = spark.createDataFrame(pd.DataFrame({KEY: deleted}))
    return rows.join(F.broadcast(gone), key == column(KEY), "left_anti")
