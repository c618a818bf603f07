"""How many files a unit becomes, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.publish import destinations, good_count, stage
from semscore.jobs.ledger.committed import DataFile
from semscore.jobs.spark.session import job_session
from semscore.udfs.stores.local_folder import LocalFolder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RUN, UNIT = "run", "0123456789ab"
TASKS = 20
ROWS = 10_000
KINDS = ["a/b", "x=y", "50%", "", None, "007"]


@pytest.fixture
def own(spark: SparkSession) -> SparkSession:
    return job_session(spark)


@pytest.fixture
def frame(own: SparkSession, tmp_path: Path) -> DataFrame:
    """Rows of noise, so that their size is known, in many tasks; most are of one kind."""
    random = np.random.default_rng(0)
    kinds = [KINDS[0] if n % 10 else KINDS[n // 10 % len(KINDS)] for n in range(ROWS)]
    table = pa.table(
        {
            "id": range(ROWS),
            "noise": [random.bytes(50).hex() for _ in range(ROWS)],
            "kind": pa.array(kinds, pa.string()),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    return own.read.parquet(str(tmp_path / "in.parquet")).repartition(TASKS)


def read(output: LocalFolder, staged: list[DataFile]) -> dict[int, str]:
    tables = [pq.read_table(output.local / file.path, columns=["id", "noise"]) for file in staged]
    table = pa.concat_tables(tables)
    return dict(zip(table["id"].to_pylist(), table["noise"].to_pylist(), strict=True))


def test_small_files_of_many_tasks_are_put_together(frame: DataFrame, tmp_path: Path) -> None:
    output = LocalFolder(str(tmp_path / "out"))
    expected = {row.id: row.noise for row in frame.collect()}
    whole = stage(frame, output, RUN, UNIT, (), 10**9)
    assert len(whole) == 1
    assert read(output, whole) == expected
    size = whole[0].bytes
    quarters = stage(frame, output, RUN, UNIT, (), size // 4)
    assert 4 <= len(quarters) <= 5
    assert max(file.bytes for file in quarters) < size / 3
    assert sum(file.rows for file in quarters) == ROWS
    assert read(output, quarters) == expected


def test_files_that_are_large_enough_or_few_are_left_as_they_are(
    frame: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.frames.gather", lambda *_: 1 / 0)
    output = LocalFolder(str(tmp_path / "out"))
    assert len(stage(frame, output, RUN, UNIT, (), 30_000)) == TASKS
    assert len(stage(frame.coalesce(4), output, RUN, UNIT, (), 10**9)) == 4


def test_folders_keep_their_names_and_a_large_one_is_split(
    frame: DataFrame, tmp_path: Path
) -> None:
    output = LocalFolder(str(tmp_path / "out"))
    staged = stage(frame, output, RUN, UNIT, ("kind",), 200_000)
    folders = [Path(file.path).parent.name for file in staged]
    assert set(folders) == {
        "kind=a%2Fb",
        "kind=x%3Dy",
        "kind=50%25",
        "kind=007",
        "kind=__HIVE_DEFAULT_PARTITION__",
    }
    assert 2 <= folders.count("kind=a%2Fb") <= 8
    assert len(folders) - folders.count("kind=a%2Fb") <= 8
    assert sum(file.rows for file in staged) == ROWS
    moves = destinations(RUN, 1, UNIT, staged)
    assert {Path(file.path).parent.name for file in moves.values()} == set(folders)


def test_what_is_noted_of_a_column_stays_in_the_files(own: SparkSession, tmp_path: Path) -> None:
    output = LocalFolder(str(tmp_path / "out"))
    noted = own.range(100).withMetadata("id", {"semscore": "fingerprint"}).repartition(10)
    [file] = stage(noted, output, RUN, UNIT, (), 10**9)
    told = pq.read_schema(output.local / file.path).metadata
    assert b"fingerprint" in told[b"org.apache.spark.sql.parquet.row.metadata"]


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ({"a": 10, "b": 10}, 1),
        ({"a": 260, "b": 90}, 4),
        ({"k=1/a": 10, "k=2/a": 10}, 2),
        ({"k=1/a": 260, "k=1/b": 240, "k=2/a": 10}, 6),
        ({}, 0),
    ],
)
def test_files_of_about_a_size_hold_what_there_is(sizes: dict[str, int], count: int) -> None:
    assert good_count(sizes, 100) == count


def test_empty_files_are_left_out_but_for_one() -> None:
    def destined(*rows: int) -> list[Any]:
        place = f"_semscore/staging/{RUN}/{UNIT}/scored"
        staged = [DataFile(f"{place}/k=1/{n}.parquet", count, 1) for n, count in enumerate(rows)]
        return [file.path for file in destinations(RUN, 7, UNIT, staged).values()]

    names = [f"k=1/part-{UNIT}-7-{n:05}.zstd.parquet" for n in range(2)]
    assert destined(0, 3, 0, 4) == names
    assert destined(0, 0) == names[:1]


def test_two_attempts_have_no_name_in_common() -> None:
    staged = [DataFile(f"_semscore/staging/{RUN}/{UNIT}/scored/x.parquet", 1, 1)]
    one, two = (destinations(RUN, 7, UNIT, staged, attempt) for attempt in (1, 2))
    names = {file.path for moves in (one, two) for file in moves.values()}
    assert names == {f"part-{UNIT}-7-{n}.zstd.parquet" for n in ("00000", "100000")}
