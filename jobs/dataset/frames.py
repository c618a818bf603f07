"""A unit's files as a DataFrame, with one explicit schema and values as Spark reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import reduce
from math import ceil
from typing import Any

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it
from pyspark.sql.types import StringType, StructField, StructType

from semscore.jobs.dataset.listing import CountedFile, SourceFile
from semscore.jobs.dataset.parts import NUMBER, Shuffles, read_part
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.sql_names import column, quoted
from semscore.jobs.dataset.table_rows import live_part, live_rows, scan
from semscore.jobs.dataset.units import Unit
from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.options.settings import Settings
from semscore.jobs.spark.session import OPEN_COST
from semscore.udfs.errors import UserError

BATCH_BYTES = 64 * 2**20  # in one batch of rows, estimated from the averages in the footers
# Footers do not show how long the texts in a dictionary are. Writers end a dictionary at 1 MB, so a
# batch that repeats one long text has at most 256 MB, far below the 2 GB limit of Arrow and Java.
# Spark 4's limit in bytes does not replace this one: with 10,000 long texts the heap was full.
BATCH_ROWS = 256
PIECES = 4  # read tasks for each file to be written, at least
TRIES = 5  # files that are tried for the schema
SHUFFLED = 2  # how many times larger rows are in a shuffle than in files


def text_columns(settings: Settings) -> list[Column]:
    """Return the texts to embed, or the first and second texts of pairs.

    The second text of all pairs may be a constant.
    """
    found = [column(name) for _, name in settings.texts]
    constant = settings.columns.text2_value
    return found if constant is None else [*found, F.lit(constant)]


def lenient(spark: SparkSession) -> SparkSession:
    """Make a session skip files that it cannot read, and return it. For reading samples."""
    spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
    spark.conf.set("spark.sql.files.ignoreMissingFiles", "true")
    return spark


def read_schema(spark: SparkSession, source: Source) -> StructType:
    """Return the schema of the whole run, as Spark reads a file that has rows. Fields are nullable.

    Columns for which Spark has no type are left out; the run reads none of them. Partition columns
    are text, because only their folder names are known, except in a table. Raises UserError if
    Spark can open none of several files.
    """
    if source.table:
        return source.table.schema
    reasons = []
    for file in source.filled_files[:TRIES]:
        try:
            schema = _schema_of(spark, source, file)
        except Exception as error:  # Java's, or pyspark's own
            reasons.append(f"{file.url} cannot be read by Spark: {root_cause(error)}")
            continue
        # In a dataset without rows, columns without a type may be text, and are read as text.
        texts = {name: StructField(name, StringType()) for name in source.typeless}
        return StructType([texts.get(field.name, field) for field in schema])
    raise UserError(f"{reasons[0]}. Replace or remove the file")


def _schema_of(spark: SparkSession, source: Source, file: SourceFile) -> StructType:
    try:
        schema = _input_reader(spark, file.root).parquet(file.url).schema
    except Exception:
        if source.reads.kept is None:
            raise
        return _legal_schema(spark, source, file)  # the run may not read the column that failed
    assert isinstance(schema, StructType)
    return schema


def _legal_schema(spark: SparkSession, source: Source, file: SourceFile) -> StructType:
    """Return the schema of a file without the columns that are not read and have no Spark type.

    Spark itself refuses the whole schema of such a file.
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
    input_file = parquet.hadoop.util.HadoopInputFile.fromPath(path, state.newHadoopConf())
    with closing(parquet.hadoop.ParquetFileReader.open(input_file)) as reader:
        stored = reader.getFileMetaData().getSchema()
    fields = []
    for column_ in stored.getFields():
        alone = jvm.java.util.ArrayList()
        alone.add(column_)
        try:
            converted = converter.convert(parquet.schema.MessageType(stored.getName(), alone))
        except Exception:
            if column_.getName() in source.reads:
                raise
            continue
        fields += StructType.fromJson(json.loads(converted.asNullable().json())).fields
    occurrences = Counter(field.name for field in fields)
    folders = [StructField(name, StringType()) for name in source.partition_columns]
    return StructType([*(field for field in fields if occurrences[field.name] == 1), *folders])


def read_files(
    spark: SparkSession,
    schema: StructType,
    source: Source,
    files: Sequence[SourceFile],
    shuffles: Shuffles | None = None,
    tasks: int = 1,
) -> DataFrame:
    """Return the rows of some files, or of a part of one.

    Files without rows are not opened, because their columns may have any type. Timestamps in
    nanoseconds, which Spark lacks, are truncated to microseconds. `shuffles` and `tasks` are
    for parts, whose rows are in order.
    """
    filled = [file for file in files if source.counts.get(file.url, (1, 1))[0]]
    if any(file.url in source.by_rows for file in filled):
        spark.conf.set("spark.sql.parquet.enableVectorizedReader", "false")
    rows = _scan(spark, schema, source, filled or files[:1])
    read = [name for name in rows.columns if name in source.reads]
    if len(files) == 1 and isinstance(file := files[0], CountedFile) and (part := file.part):
        columns = list(map(column, read))
        rows = read_part(rows, columns, file, part, shuffles or Shuffles(), tasks)
        if source.table:
            return live_part(rows, source.table, file, part.start, part.stop)
        rows = rows.drop(NUMBER)
    elif source.table:
        rows = live_rows(rows, read, source.table, filled or files[:1])
    if not filled:
        rows = rows.where(F.lit(False))
    return rows.withColumns(
        {name: _micros(name, in_utc) for name, in_utc in source.nanoseconds.items()}
    )


def _scan(
    spark: SparkSession, schema: StructType, source: Source, files: Sequence[SourceFile]
) -> DataFrame:
    """Return all rows of some files."""
    if source.table:
        return scan(spark, source.table, [file.url for file in files])
    by_root: dict[str, list[str]] = {}
    for file in files:
        by_root.setdefault(file.root, []).append(file.url)
    return reduce(
        DataFrame.unionByName,
        (
            _input_reader(spark, root).schema(schema).parquet(*paths)
            for root, paths in by_root.items()
        ),
    )


def spread(spark: SparkSession, frame: DataFrame, unit: Unit, tasks: int) -> DataFrame:
    """Spread rows over `tasks` tasks: by splitting files where possible, otherwise by a shuffle.

    The shuffle comes before scoring, so that the scoring stage is the last one. A part of a file
    has its partitions already.
    """
    if unit.files[0].part:
        return frame
    spark.conf.set("spark.sql.files.minPartitionNum", tasks)
    return frame if unit.row_groups >= tasks else frame.repartition(tasks)


def regroup(
    spark: SparkSession, frame: DataFrame, partition_by: Sequence[str], tasks: int
) -> DataFrame:
    """Bring the rows of each output folder together, before scoring. Large folders stay split."""
    columns = ", ".join(map(quoted, partition_by))
    hint = f"REBALANCE({tasks}, {columns})"  # DataFrame.hint takes no columns
    return spark.sql(f"SELECT /*+ {hint} */ * FROM {{frame}}", frame=frame)


def gather(
    frame: DataFrame, url: str, partition_by: Sequence[str], sizes: Sequence[int], files: int
) -> DataFrame:
    """Return the rows that were written from `frame` to `url`, to be written again to fewer files.

    `sizes`: bytes of the files at `url`. `files`: about how many files to write. Partition columns
    are read as the text in their folder names, so that these names stay the same.
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
    packed = size + len(sizes) * OPEN_COST  # Spark adds a cost for each file
    spark.conf.set("spark.sql.files.minPartitionNum", parts)
    spark.conf.set("spark.sql.files.maxPartitionBytes", ceil(packed / parts) + 1)
    return written


def bound_batches(spark: SparkSession, source: Source, passed: Iterable[str]) -> None:
    """Limit how many rows Spark reads, and passes to Python, at a time, based on the footers.

    `passed`: the columns that Python gets.
    """
    texts = sum(source.row_bytes.get(name, 0) for name in passed)
    for key, row in (
        ("spark.sql.parquet.columnarReaderBatchSize", sum(source.row_bytes.values())),
        ("spark.sql.execution.arrow.maxRecordsPerBatch", texts),
    ):
        spark.conf.set(key, max(1, min(BATCH_ROWS, BATCH_BYTES // max(row, 1))))


def _input_reader(spark: SparkSession, root: str) -> DataFrameReader:
    """Return a reader for files that others wrote. It ignores the checksum files beside them.

    Hadoop's local file system compares a file with `.NAME.crc`, which Spark writes and other tools
    do not update, so it may be out of date. Parquet has checksums of its own.
    """
    reader = _reader(spark, root)
    if root.startswith("file:") and not spark._jsc.hadoopConfiguration().get("fs.file.impl"):
        reader.option("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")
        reader.option("fs.file.impl.disable.cache", "true")  # the cached file system would compare
    return reader


def _reader(spark: SparkSession, root: str) -> DataFrameReader:
    """Return a reader that takes paths literally. In globs, `[` and `:` cannot both be escaped."""
    return spark.read.option("basePath", root).option("__globPaths__", "false")


def _micros(name: str, in_utc: bool) -> Column:
    """Convert nanoseconds to timestamps, rounded down as in pandas, also before 1970."""
    nanoseconds = quoted(name)
    instant = F.expr(f"timestamp_micros(({nanoseconds} - pmod({nanoseconds}, 1000)) div 1000)")
    return instant if in_utc else instant.cast("timestamp_ntz")  # the session's zone is UTC
