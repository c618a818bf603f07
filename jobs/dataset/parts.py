"""Read a part of a parquet file with Spark, and only the bytes of that part.

Spark reads a row group in the split that contains its middle. Whole row groups are read by a scan
whose splits are chosen such that some of them hold exactly these row groups, and which is pruned to
those. A filter on the row numbers in the file makes the choice exact, whatever a writer has put
into the footer; a wrong choice only leaves rows out, and the counts of the unit show that.

A piece of a row group cannot be read alone. The row group is read once, into a shuffle with a
partition for each piece, and the shuffle is kept while units need pieces of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it

from semscore.jobs.dataset.blocks import RowGroup, within
from semscore.jobs.dataset.listing import CountedFile, Part
from semscore.jobs.dataset.session_conf import session_conf

KEPT = 2  # shuffles; two units are scored at a time, and the next row group may have begun
ROW = "_metadata.row_index"  # the number of a row in its file
KEYS = 16  # times the number of partitions: so many keys are tried, to find one for each partition
NUMBER = "semscore row"  # the column with the number of a row
CROWDED = 8  # times as many partitions as tasks are too many, because each takes some time


@dataclass
class Shuffles:
    """The row groups that are divided into pieces by a shuffle, and which are needed next."""

    kept: OrderedDict[tuple[str, int], tuple[Any, DataFrame]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def of(
        self, file: CountedFile, group: RowGroup, rows: Callable[[], DataFrame]
    ) -> tuple[Any, DataFrame]:
        """Return Java's RDD with a partition for each piece of a row group, not computed yet.

        Also returns a frame with its schema. `rows` returns the whole row group, with row numbers.
        """
        with self.lock:
            key = (file.url, group.start)
            if key not in self.kept:
                self.kept[key] = _shuffled(rows(), group)
                while len(self.kept) > KEPT:
                    self.kept.popitem(last=False)
            return self.kept[key]


def can_read_parts(spark: SparkSession) -> bool:
    """Return whether this Spark lets its Java be used as parts of files require."""
    try:
        frame = spark.range(0, 4, numPartitions=2)
        return [row.id for row in _pruned(spark, _rdd(frame), frame, [1]).collect()] == [2, 3]
    except Exception:  # py4j's errors, of a platform that restricts it or a Spark that differs
        return False


def read_part(
    scan: DataFrame,
    columns: Sequence[Column],
    file: CountedFile,
    part: Part,
    shuffles: Shuffles,
    tasks: int,
) -> DataFrame:
    """Return some columns of the rows of a part, in order, for about `tasks` tasks.

    `scan`: the whole file. The rows also have their numbers in the file, in the column NUMBER.
    """
    groups = within(part.groups, part.start, part.stop)
    numbered = [*columns, F.col(ROW).alias(NUMBER)]
    if (part.start, part.stop) == (groups[0].start, groups[-1].stop):
        rows, partitions = _scanned(scan, numbered, file, part, tasks)
    else:
        [group] = groups
        whole = Part(group.start, group.stop, part.groups)
        rdd, like = shuffles.of(file, group, lambda: _scanned(scan, numbered, file, whole, 1)[0])
        first, last = (
            (row - group.start) // group.piece_rows for row in (part.start, part.stop - 1)
        )
        partitions = last + 1 - first
        rows = _pruned(scan.sparkSession, rdd, like, range(first, last + 1))
    if not tasks <= partitions <= tasks * CROWDED:
        rows = _placed(rows, part.start, -(-(part.stop - part.start) // tasks), tasks)
    return rows


def _scanned(
    scan: DataFrame, columns: Sequence[Column], file: CountedFile, part: Part, tasks: int
) -> tuple[DataFrame, int]:
    """Return the rows of a part of whole row groups, and in how many partitions they are."""
    spark = scan.sparkSession
    size = _split_size(file.size, part, tasks)
    frame = scan.where(F.col(ROW).between(part.start, part.stop - 1)).select(*columns)
    # Each split has a partition of its own.
    keys = {"maxPartitionBytes": size, "openCostInBytes": size, "minPartitionNum": 1}
    with session_conf(spark, {f"spark.sql.files.{key}": str(value) for key, value in keys.items()}):
        rdd = _rdd(frame)
    splits = {group.middle // size for group in within(part.groups, part.start, part.stop)}
    return _pruned(spark, rdd, frame, splits), len(splits)


def _split_size(file_size: int, part: Part, tasks: int) -> int:
    """Return a size of splits at which no split holds both row groups of the part and others.

    Between two middles that are at least this far apart, a split ends. The part itself has about as
    many splits as tasks, if it has as many row groups.
    """
    chosen = within(part.groups, part.start, part.stop)
    distances = [
        after.middle - before.middle
        for before, after in pairwise(part.groups)
        if (before in chosen) != (after in chosen)
    ]
    length = chosen[-1].middle - chosen[0].middle or file_size
    return max(min([*distances, length // tasks, file_size]), 1)


def _shuffled(rows: DataFrame, group: RowGroup) -> tuple[Any, DataFrame]:
    """Return an RDD with a partition for each piece of a row group, and the frame that it is of."""
    spark = rows.sparkSession
    placed = _placed(rows, group.start, group.piece_rows, -(-group.rows // group.piece_rows))
    # An adaptive plan would run the shuffle at once, and merge its partitions.
    with session_conf(spark, {"spark.sql.adaptive.enabled": "false"}):
        return _rdd(placed), placed


def _placed(rows: DataFrame, start: int, each: int, partitions: int) -> DataFrame:
    """Return rows in order in a number of partitions, each with `each` row numbers from `start`."""
    keys = F.array(*map(F.lit, _keys(rows.sparkSession, partitions)))
    place = F.expr(f"int((`{NUMBER}` - {start}) div {each})")
    return rows.repartition(partitions, keys[place]).sortWithinPartitions(NUMBER)


def _keys(spark: SparkSession, partitions: int) -> list[int]:
    """Return for each partition of a hash partitioning a number that Spark places in it."""
    found: dict[int, int] = {}
    start = 0
    while len(found) < partitions:
        stop = start + KEYS * partitions
        place = F.expr(f"pmod(hash(int(id)), {partitions})").alias("place")
        rows = spark.range(start, stop).select(place, "id").groupBy("place").agg(F.min("id"))
        for place_, key in rows.collect():
            found.setdefault(place_, key)
        start = stop
    return [found[place_] for place_ in range(partitions)]


def _rdd(frame: DataFrame) -> Any:
    """Return Java's RDD of a frame's rows in Spark's internal form."""
    return frame._jdf.queryExecution().toRdd()


def _pruned(spark: SparkSession, rdd: Any, like: DataFrame, partitions: Iterable[int]) -> DataFrame:
    """Return some partitions of an RDD as a frame with the schema of `like`.

    A Scala set is a function from a number to whether the set contains it, as Java's RDD wants.
    """
    jvm: Any = spark._jvm
    numbers = jvm.java.util.ArrayList()
    for number in partitions:
        numbers.add(int(number))
    chosen = jvm.PythonUtils.toSeq(numbers).toSet()
    pruned = jvm.org.apache.spark.rdd.PartitionPruningRDD.create(rdd, chosen)
    java = spark._jsparkSession.internalCreateDataFrame(pruned, like._jdf.schema(), False)
    return DataFrame(java, spark)
