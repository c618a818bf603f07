"""Files as Spark reads them: what the footers call alike is read alike, whatever it is called."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from semscore.jobs.dataset import frames, sql_names
from semscore.jobs.dataset.publish import destinations, publish, stage
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.source import Source
from semscore.jobs.ledger import ledger
from semscore.jobs.spark.session import job_session
from semscore.udfs.stores.local_folder import LocalFolder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

Write = Callable[..., Path]
RUN = "run"
UNIT = "0123456789ab"


@pytest.fixture
def own(spark: SparkSession) -> Iterator[SparkSession]:
    yield job_session(spark)


def read(spark: SparkSession, *inputs: Path) -> tuple[Source, DataFrame]:
    source = read_source([str(given) for given in inputs])
    schema = frames.read_schema(spark, source)
    return source, frames.read_files(spark, schema, source, source.files)


def values(frame: DataFrame, *names: str) -> set[Row]:
    return set(frame.select(*map(sql_names.column, names)).collect())


@pytest.mark.parametrize(
    ("one", "two", "values_read"),
    [
        pytest.param(
            pa.array(["a", None]),
            pa.array(["b", "c"]).dictionary_encode(),
            {"a", None, "b", "c"},
            id="strings",
        ),
        pytest.param(
            pa.array([1, 2], pa.timestamp("ms")),
            pa.array([3001, 4001], pa.timestamp("us")),
            {datetime.datetime(1970, 1, 1, microsecond=us) for us in (1000, 2000, 3001, 4001)},
            id="timestamps",
        ),
    ],
)
def test_columns_that_count_as_the_same_are_read_alike(
    own: SparkSession, write: Write, tmp_path: Path, one: Any, two: Any, values_read: set[Any]
) -> None:
    write("in/a.parquet", x=one)
    write("in/b.parquet", x=two)
    _, frame = read(own, tmp_path / "in")
    assert {row.x for row in values(frame, "x")} == values_read


@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("vectorized", ["true", "false"])
@pytest.mark.parametrize("digits", [9, 18])
def test_decimals_as_bytes_and_as_integers_are_read_alike(
    own: SparkSession, write: Write, tmp_path: Path, first: str, vectorized: str, digits: int
) -> None:
    own.conf.set("spark.sql.parquet.enableVectorizedReader", vectorized)
    second = "b" if first == "a" else "a"
    kind = pa.decimal128(digits, 2)
    write(f"in/{first}.parquet", x=pa.array([Decimal("1.50"), Decimal("-2.25")], kind))
    write(
        f"in/{second}.parquet",
        x=pa.array([Decimal("1234567.89"), None], kind),
        writer={"store_decimal_as_integer": True},
    )
    _, frame = read(own, tmp_path / "in")
    assert {row.x for row in values(frame, "x")} == {
        Decimal("1.50"),
        Decimal("-2.25"),
        Decimal("1234567.89"),
        None,
    }


def test_columns_in_another_order_are_read_by_name(
    own: SparkSession, write: Write, tmp_path: Path
) -> None:
    write("in/a.parquet", rows=1, x=[1], y=[2])
    write("in/b.parquet", rows=1, y=[4], x=[3])
    _, frame = read(own, tmp_path / "in")
    assert {(row.x, row.y) for row in values(frame, "x", "y")} == {(1, 2), (3, 4)}


def test_nanoseconds_are_cut_to_microseconds_downwards(
    own: SparkSession, write: Write, tmp_path: Path
) -> None:
    write("in/a.parquet", rows=3, x=pa.array([1999, -1, None], pa.timestamp("ns")))
    _, frame = read(own, tmp_path / "in")
    assert {row.x for row in values(frame, "x")} == {
        datetime.datetime(1970, 1, 1, microsecond=1),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999),
        None,
    }


FOLDERS = {
    "k=007": "007",
    "k=a%2Fb": "a/b",
    "k=a b": "a b",
    "k=[x]{y}*?": "[x]{y}*?",
    "k=日本": "日本",
    "k=50%": "50%",
    "k=a#1": "a#1",
    "k=a=b": "a=b",
    "k=10:00": "10:00",
    "k=_x": "_x",
    "k=__HIVE_DEFAULT_PARTITION__": None,
}


def test_odd_folders_and_files_are_read_and_published_again(
    own: SparkSession, write: Write, tmp_path: Path
) -> None:
    for number, folder in enumerate(FOLDERS):
        write(f"100% #in/{folder}/a b[{number}],é%20.parquet", rows=1, id=[number])
    source, frame = read(own, tmp_path / "100% #in")
    expected = set(enumerate(FOLDERS.values()))
    assert {tuple(row) for row in values(frame, "id", "k")} == expected

    output = LocalFolder(str(tmp_path / "100% #out"))
    staged = stage(frame, output, RUN, UNIT, source.partition_columns, 10**6)
    moves = destinations(RUN, 1, UNIT, staged)
    publish(output, moves)
    output.delete_folder(ledger.HOME)
    assert [entry.path for entry in ledger.data_files(output)] == sorted(
        file.path for file in moves.values()
    )
    again, frame = read(own, output.local)
    assert again.partition_columns == ("k",)
    assert {tuple(row) for row in values(frame, "id", "k")} == expected


def test_odd_column_names_are_kept(own: SparkSession, write: Write, tmp_path: Path) -> None:
    names = ["a.b", "a b", "a`b", "a,b;{}()=", "Text1"]
    write("in/a.parquet", **{name: [1, 2] for name in names})
    _, frame = read(own, tmp_path / "in")
    assert frame.columns == ["text1", "text2", *names]
    assert len(frame.select(*map(sql_names.column, names)).collect()) == 2


def test_several_inputs_make_one_frame(own: SparkSession, write: Write, tmp_path: Path) -> None:
    write("one/k=1/a.parquet", rows=1)
    write("two/k=2/a.parquet", rows=2)
    source, frame = read(own, tmp_path / "one", tmp_path / "two")
    assert sorted(row.k for row in frame.collect()) == ["1", "2", "2"]
    assert source.rows == 3
