"""A unit's files as a DataFrame: one explicit schema, values as Spark reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from functools import reduce
from math import ceil
from typing import Any

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it
from pyspark.sql.types import StringType, StructField, StructType

from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.units import Unit
from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.spark.session import OPEN_COST
from semscore.udfs.errors import UserError

BATCH_BYTES = 64 * 2**20  # in one batch of rows, by the averages in the footers
# Footers do not tell how long the texts in a dictionary are. Writers end a dictionary at 1 MB, so
# that a batch of one long text repeated has 256 MB at worst, far below Arrow's and Java's 2 GB.
# Spark 4's bound in bytes does not replace it: with 10,000 long texts the heap was full.
BATCH_ROWS = 256
PIECES = 4  # of a file's rows, at least
TRIES = 5  # files that may give the schema
SHUFFLED = 2  # rows between tasks are so many times larger than in files


def column(name: str) -> Column:
    """A top-level column, whatever characters its name has."""
    return F.col(quoted(name))


def quoted(name: str) -> str:
    """A column's name as Spark SQL takes it."""
    return f"`{name.replace('`', '``')}`"


def lenient(spark: SparkSession) -> SparkSession:
    """The same session, which from now on passes over files that it cannot read: for samples."""
    spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
    spark.conf.set("spark.sql.files.ignoreMissingFiles", "true")
    return spark


def read_schema(spark: SparkSession, source: Source) -> StructType:
    """The schema of the whole run: as Spark reads a file that has rows, all fields optional.

    Without columns that Spark has no type for, none of which is read. Partition columns are text:
    their folder names are all that is known of them. Raises UserError if Spark can open none of
    several files.
    """
    reasons = []
    for file in source.filled_files[:TRIES]:
        try:
            schema = _schema_of(spark, source, file)
        except Exception as error:  # Java's, or pyspark's own
            reasons.append(f"{file.url} cannot be read by Spark: {root_cause(error)}")
            continue
        # In a dataset without rows, columns without a type are text: nothing says otherwise.
        texts = {name: StructField(name, StringType()) for name in source.typeless}
        return StructType([texts.get(field.name, field) for field in schema])
    raise UserError(f"{reasons[0]}. Replace or remove the file")


def _schema_of(spark: SparkSession, source: Source, file: SourceFile) -> StructType:
    try:
        schema = _input_reader(spark, file.root).parquet(file.url).schema
    except Exception:
        if source.reads.kept is None:
            raise
        return _legal_schema(spark, source, file)  # it may be for a column that is not read
    assert isinstance(schema, StructType)
    return schema


def _legal_schema(spark: SparkSession, source: Source, file: SourceFile) -> StructType:
    """The schema of a file without columns that are not read and for which Spark has no type.

    Spark itself refuses the whole schema then.
    """
    jvm: Any = spark._jvm
    parquet = jvm.org.apache.parquet
    state = spark._jsparkSession.sessionState()
    converter = (
        jvm.org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter(
            state.conf()
        )
    )
    path = jvm.org.apache.hadoop.fs.Path(file.url)
    place = parquet.hadoop.util.HadoopInputFile.fromPath(path, state.newHadoopConf())
    with closing(parquet.hadoop.ParquetFileReader.open(place)) as reader:
        stored = reader.getFileMetaData().getSchema()
    fields = []
    for column_ in stored.getFields():
        alone = jvm.java.util.ArrayList()
        alone.add(column_)
        try:
            found = converter.convert(parquet.schema.MessageType(stored.getName(), alone))
        except Exception:
            if column_.getName() in source.reads:
                raise
            continue
        fields += StructType.fromJson(json.loads(found.asNullable().json())).fields
    times = Counter(field.name for field in fields)
    folders = [StructField(name, StringType()) for name in source.partition_columns]
    return StructType([*(field for field in fields if times[field.name] == 1), *folders])


def read_files(
    spark: SparkSession, schema: StructType, source: Source, files: Sequence[SourceFile]
) -> DataFrame:
    """The rows of some files.

    Files without rows are not opened: their columns may be of any type. Timestamps in nanoseconds,
    which Spark lacks, are cut to microseconds.
    """
    filled = [file for file in files if source.counts.get(file.url, (1, 1))[0]]
    by_root: dict[str, list[str]] = {}
    for file in filled or files[:1]:
        by_root.setdefault(file.root, []).append(file.url)
    if any(file.url in source.by_rows for file in filled):
        spark.conf.set("spark.sql.parquet.enableVectorizedReader", "false")
    frame = reduce(
        DataFrame.unionByName,
        (
            _input_reader(spark, root).schema(schema).parquet(*paths)
            for root, paths in by_root.items()
        ),
    )
    return (frame if filled else frame.where(F.lit(False))).withColumns(
        {name: _micros(name, in_utc) for name, in_utc in source.nanoseconds.items()}
    )


def spread(spark: SparkSession, frame: DataFrame, unit: Unit, tasks: int) -> DataFrame:
    """So many tasks: by splitting files where possible, else by a shuffle.

    A shuffle comes before scoring, so that the scoring stage is the last one.
    """
    spark.conf.set("spark.sql.files.minPartitionNum", tasks)
    return frame if unit.row_groups >= tasks else frame.repartition(tasks)


def regroup(
    spark: SparkSession, frame: DataFrame, partition_by: Sequence[str], tasks: int
) -> DataFrame:
    """Bring the rows of each output folder together, before scoring; large ones stay split."""
    columns = ", ".join(map(quoted, partition_by))
    hint = f"REBALANCE({tasks}, {columns})"  # DataFrame.hint takes no columns
    return spark.sql(f"SELECT /*+ {hint} */ * FROM {{frame}}", frame=frame)


def gather(
    frame: DataFrame, url: str, partition_by: Sequence[str], sizes: Sequence[int], files: int
) -> DataFrame:
    """What was written from `frame` to `url`, to be written again as about so many files.

    `sizes`: bytes of the files there. Partition columns are read as the text in their folders'
    names: these stay as they are.
    """
    spark, names = frame.sparkSession, set(partition_by)
    fields = [
        StructField(field.name, StringType()) if field.name in names else field
        for field in frame.schema
    ]
    written = _reader(spark, url).schema(StructType(fields)).parquet(url)
    size, parts = sum(sizes), files
    if partition_by:
        # Rows of a large folder are split where they come from different tasks.
        parts = PIECES * files
        spark.conf.set("spark.sql.adaptive.advisoryPartitionSizeInBytes", SHUFFLED * size // files)
        written = regroup(spark, written, partition_by, files)
    packed = size + len(sizes) * OPEN_COST  # as Spark weighs them
    spark.conf.set("spark.sql.files.minPartitionNum", parts)
    spark.conf.set("spark.sql.files.maxPartitionBytes", ceil(packed / parts) + 1)
    return written


def bound_batches(spark: SparkSession, source: Source, text1: str, text2: str) -> None:
    """Bound the rows that Spark reads, and hands to Python, at a time, by what the footers say."""
    texts = source.row_bytes.get(text1, 0) + source.row_bytes.get(text2, 0)
    for key, row in (
        ("spark.sql.parquet.columnarReaderBatchSize", sum(source.row_bytes.values())),
        ("spark.sql.execution.arrow.maxRecordsPerBatch", texts),
    ):
        spark.conf.set(key, max(1, min(BATCH_ROWS, BATCH_BYTES // max(row, 1))))


def _input_reader(spark: SparkSession, root: str) -> DataFrameReader:
    """For files that others wrote: without the sums beside them, which may be out of date.

    Hadoop's local file system compares a file with `.NAME.crc`, which Spark writes and other tools
    do not update. Parquet has sums of its own.
    """
    reader = _reader(spark, root)
    if root.startswith("file:") and not spark._jsc.hadoopConfiguration().get("fs.file.impl"):
        reader.option("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")
        reader.option("fs.file.impl.disable.cache", "true")  # the cached one compares
    return reader


def _reader(spark: SparkSession, root: str) -> DataFrameReader:
    """Paths stand for themselves: as globs, those with both `[` and `:` cannot even be escaped."""
    return spark.read.option("basePath", root).option("__globPaths__", "false")


def _micros(name: str, in_utc: bool) -> Column:
    """A column of nanoseconds as timestamps; floored, as pandas does, also before 1970."""
    nanoseconds = quoted(name)
    instant = F.expr(f"timestamp_micros(({nanoseconds} - pmod({nanoseconds}, 1000)) div 1000)")
    return instant if in_utc else instant.cast("timestamp_ntz")  # the session's zone is UTC
