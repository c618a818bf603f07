"""Parts of files, read by Spark: the right rows, in order, and not many more bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it

from semscore.jobs.dataset import blocks
from semscore.jobs.dataset.listing import CountedFile, Part
from semscore.jobs.dataset.parts import NUMBER, Shuffles, can_read_parts, read_part
from semscore.jobs.spark.session import job_session

SIZES = [900, 2_500, 100, 9_000, 700, 700, 30, 5_000]
ROWS = sum(SIZES)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CountedFile:
    """A file of uneven row groups, with text that does not compress."""
    place = tmp_path_factory.mktemp("parts") / "a.parquet"
    noise = np.random.default_rng(7).integers(0, 2**62, ROWS)
    table = pa.table({"id": list(range(ROWS)), "a.b": [f"{n:x}" * 9 for n in noise]})
    start = 0
    with pq.ParquetWriter(place, table.schema) as writer:
        for rows in SIZES:
            writer.write_table(table.slice(start, rows), row_group_size=rows)
            start += rows
    return CountedFile(f"file://{place.parent}", place.name, place.stat().st_size, "t", ROWS, 8)


def part_of(file: CountedFile, start: int, stop: int) -> Part:
    path = Path(file.url.removeprefix("file://"))
    return Part(start, stop, blocks.row_groups_of(pq.read_metadata(path)))


@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 900),
        (900, 3_500),
        (3_400, 3_500),
        (3_500, 12_500),
        (13_900, 13_930),
        (0, ROWS),
        (3_500, 5_500),  # pieces
        (7_500, 12_500),
        (11_500, 12_500),
        (13_930 + 4_000, ROWS),
    ],
)
def test_a_part_has_its_rows_in_order(
    spark: Any, file: CountedFile, start: int, stop: int, tasks: int
) -> None:
    own = job_session(spark)
    scan = own.read.parquet(file.url)
    columns = [F.col("`a.b`"), F.col("id")]
    found = read_part(scan, columns, file, part_of(file, start, stop), Shuffles(), tasks).drop(
        NUMBER
    )
    assert found.columns == ["a.b", "id"]
    assert tasks <= found.rdd.getNumPartitions() <= 8 * tasks
    assert [row.id for row in found.collect()] == list(range(start, stop))


def test_only_the_bytes_of_the_part_are_read(
    spark: Any, file: CountedFile, bytes_read: Callable[[], int]
) -> None:
    scan = job_session(spark).read.parquet(file.url)
    before = bytes_read()
    read_part(
        scan, [F.col("id"), F.col("`a.b`")], file, part_of(file, 900, 3_500), Shuffles(), 1
    ).count()
    assert bytes_read() - before < 0.3 * file.size


def test_pieces_of_a_row_group_read_it_once(
    spark: Any, file: CountedFile, bytes_read: Callable[[], int]
) -> None:
    scan = job_session(spark).read.parquet(file.url)
    shuffles, before = Shuffles(), bytes_read()
    for start in range(3_500, 12_500, 2_000):
        part = part_of(file, start, min(start + 2_000, 12_500))
        read_part(scan, [F.col("id"), F.col("`a.b`")], file, part, shuffles, 1).collect()
    share = 9_000 / ROWS
    assert share * 0.5 < (bytes_read() - before) / file.size < share * 1.2


def test_the_settings_of_the_session_stay(spark: Any, file: CountedFile) -> None:
    own = job_session(spark)
    names = ("maxPartitionBytes", "openCostInBytes", "minPartitionNum")
    keys = [f"spark.sql.files.{name}" for name in names] + ["spark.sql.adaptive.enabled"]
    before = [own.conf.get(key, None) for key in keys]
    scan = own.read.parquet(file.url)
    read_part(scan, [F.col("id")], file, part_of(file, 3_500, 5_500), Shuffles(), 3).count()
    assert [own.conf.get(key, None) for key in keys] == before


def test_only_some_shuffles_are_kept(spark: Any, file: CountedFile) -> None:
    scan, shuffles = job_session(spark).read.parquet(file.url), Shuffles()
    for start, stop in ((900, 2_900), (3_500, 5_500), (13_930, 15_930)):
        read_part(scan, [F.col("id")], file, part_of(file, start, stop), shuffles, 1)
    assert len(shuffles.kept) == 2


def test_this_spark_can_read_parts_and_a_restricted_one_cannot(spark: Any) -> None:
    assert can_read_parts(spark)
    assert not can_read_parts(object())  # type: ignore[arg-type]
