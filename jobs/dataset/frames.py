"""A unit's files as a DataFrame: one explicit schema, values as Spark reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it
from pyspark.sql.types import StructType

from semscore.jobs.dataset.source import Source, SourceFile
from semscore.jobs.dataset.units import Unit, task_count

ARROW_BYTES = 64 * 2**20  # of text in one Arrow batch, by the averages in the footers
ARROW_ROWS = 1024  # footers hide repeated long texts in dictionaries of 1 MB: 1 GB at worst


def column(name: str) -> Column:
    """A top-level column, whatever characters its name has."""
    return F.col(quoted(name))


def quoted(name: str) -> str:
    """A column's name as Spark SQL takes it."""
    return f"`{name.replace('`', '``')}`"


def read_schema(spark: SparkSession, source: Source) -> StructType:
    """The schema of the whole run: as Spark reads the first file, all fields optional.

    Partition columns are text: their folder names are all that is known of them.
    """
    file = source.files[0]
    schema = _reader(spark, file.root).parquet(glob_escaped(file.url)).schema
    assert isinstance(schema, StructType)
    return schema


def read_files(
    spark: SparkSession, schema: StructType, source: Source, files: Sequence[SourceFile]
) -> DataFrame:
    """The rows of some files.

    Timestamps in nanoseconds, which Spark lacks, are cut to microseconds.
    """
    by_root: dict[str, list[str]] = {}
    for file in files:
        by_root.setdefault(file.root, []).append(glob_escaped(file.url))
    frame = reduce(
        DataFrame.unionByName,
        (_reader(spark, root).schema(schema).parquet(*paths) for root, paths in by_root.items()),
    )
    return frame.withColumns(
        {name: _micros(name, in_utc) for name, in_utc in source.nanoseconds.items()}
    )


def spread(spark: SparkSession, frame: DataFrame, unit: Unit, rows: int, slots: int) -> DataFrame:
    """Enough tasks for all slots: by splitting files where possible, else by a shuffle.

    A shuffle comes before scoring, so that the scoring stage is the last one.
    """
    tasks = task_count(rows, slots)
    spark.conf.set("spark.sql.files.minPartitionNum", tasks)
    return frame if unit.row_groups >= tasks else frame.repartition(tasks)


def regroup(frame: DataFrame, partition_by: Sequence[str], rows: int, slots: int) -> DataFrame:
    """Bring the rows of each output folder together, before scoring; large ones stay split."""
    tasks = task_count(rows, slots)
    return frame.hint("rebalance", tasks, *[quoted(name) for name in partition_by])


def arrow_batch_rows(source: Source, text1: str, text2: str) -> int:
    """Rows of an Arrow batch, so that its texts stay far below Arrow's 2 GB."""
    row = source.row_bytes.get(text1, 0) + source.row_bytes.get(text2, 0)
    return max(1, min(ARROW_ROWS, ARROW_BYTES // max(row, 1)))


def glob_escaped(path: str) -> str:
    """The path as a Hadoop glob that matches it alone."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)


def _reader(spark: SparkSession, root: str) -> DataFrameReader:
    return spark.read.option("basePath", root)


def _micros(name: str, in_utc: bool) -> Column:
    """A column of nanoseconds as timestamps; floored, as pandas does, also before 1970."""
    nanoseconds = quoted(name)
    instant = F.expr(f"timestamp_micros(({nanoseconds} - pmod({nanoseconds}, 1000)) div 1000)")
    return instant if in_utc else instant.cast("timestamp_ntz")  # the session's zone is UTC
