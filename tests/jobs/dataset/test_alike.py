"""Which files have the same columns for Spark, and what is refused."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.reads import Reads
from semscore.udfs.errors import UserError

Write = Callable[..., Path]

# One row, written by DuckDB 1.x: integers are annotated, decimals are integers, nothing is null.
DUCKDB = zlib.decompress(
    base64.b85decode(
        r"c-nPR%SyvQ6ulYKGL#B!@eT=O5yXU8LTS_1RTnB<x+tz(2-<Wa7OR4N;KEOEAuhV{SKRnRet;|QBz>n1!`yq$opW"
        r">M(K)-UAz%)3J~B$Om<7-Ppu3d~2^6rf!K#liN4`>E3Aw%+PXB)RS0=rBs#Y`etqI1y9QPh%cr)zXM~_|11LhqtG"
        r"Nb5qRC8bj1q$he_WCCc=ZN%iUJsnZglD6nb8zuqvi!uNs%z58p^hd0TFt}?W?JUJ1q<^gf;syU5-)t=yS!y+T^a("
        r"sI2MawTBtUlHn<@R7P1D(LK;e@Vp^uhGG#p$1tM^7TLzz>=Q5)fTiA3%HfvZ<T$DxG{nT29uIkB5omS8;OLS@rN8"
        r"i+d&o6D6DNAW~mnBUu4E-uY)7ZjvW@w4l_2PpG=5h+)d2M<U?Q?q)y$t)$Pxd6JR4Y~63&;I|v}Lo=3&W@`?~cuZ"
        r"1+X#TirRJPo&N)jB3lv"
    )
)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param((pa.array([1, 2]), pa.array([3, None])), id="with and without nulls"),
        pytest.param(
            (pa.array(["a", "b"]), pa.array(["a", "b"], pa.large_string())), id="large_string"
        ),
        pytest.param((pa.array(["a", "b"]), pa.array(["a", "b"], pa.string_view())), id="views"),
        pytest.param(
            (pa.array(["a", "b"]), pa.array(["a", "b"]).dictionary_encode()), id="dictionary"
        ),
        pytest.param(
            (pa.array([1, 2], pa.timestamp("ms")), pa.array([1, 2], pa.timestamp("us"))),
            id="ms and us",
        ),
        pytest.param(
            (
                pa.array([1, 2], pa.timestamp("us", "UTC")),
                pa.array([1, 2], pa.timestamp("us", "Europe/Berlin")),
            ),
            id="time zones",
        ),
        pytest.param(
            (pa.array([[1], [2]]), pa.array([[1], [2]], pa.large_list(pa.int64()))), id="lists"
        ),
        pytest.param((pa.array([1, 2], pa.uint8()), pa.array([1, 2], pa.int16())), id="small"),
        pytest.param(
            (pa.array([b"ab", b"cd"], pa.binary(2)), pa.array([b"ab", b"c"])), id="binary"
        ),
        pytest.param((pa.nulls(2), pa.array([1, 2], pa.int32())), id="nulls as integers"),
        pytest.param(
            (
                pa.array([{"a": 1, "b": "x"}] * 2),
                pa.array(
                    [{"a": 1, "b": "x"}] * 2, pa.struct([("b", pa.string()), ("a", pa.int64())])
                ),
            ),
            id="order of fields",
        ),
    ],
)
def test_columns_that_mean_the_same_to_spark_are_the_same(
    write: Write, tmp_path: Path, column: tuple[pa.Array, pa.Array]
) -> None:
    write("a.parquet", x=column[0])
    write("b.parquet", x=column[1])
    assert len(read_source([str(tmp_path)]).files) == 2


def test_inner_names_of_lists_and_maps_do_not_count(write: Write, tmp_path: Path) -> None:
    columns = {
        "tags": pa.array([["x"], ["y"]]),
        "spans": pa.array([[{"start": 1}], []]),
        "nested": pa.array([[[1]], [[2]]]),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    }
    write("a.parquet", **columns)
    write("b.parquet", writer={"use_compliant_nested_type": False}, **columns)
    one, two = (pq.read_metadata(tmp_path / f"{name}.parquet").schema for name in "ab")
    assert [one.column(i).path for i in range(6)] != [two.column(i).path for i in range(6)]
    assert len(read_source([str(tmp_path)]).files) == 2


def test_columns_that_are_not_read_may_differ(write: Write, tmp_path: Path) -> None:
    write("a.parquet", x=[1, 2], t=pa.array([1, 2], pa.time64("us")))
    write("b.parquet", x=["a", "b"])
    read = Reads(needed=frozenset({"text1", "text2"}), kept=frozenset({"text1"}))
    assert read_source([str(tmp_path)], reads=read).rows == 4
    with pytest.raises(
        UserError, match=r"'x' is int64 in .*Rewrite one of them, leave the .* with --keep"
    ):
        read_source([str(tmp_path)], reads=replace(read, kept=frozenset({"x"})))
    with pytest.raises(UserError, match=r"'x' is int64 in .*Rewrite one of them, or score"):
        read_source([str(tmp_path)], reads=replace(read, where="x is null"))


@pytest.mark.parametrize("empty", ["a", "c"])
def test_files_without_rows_may_have_other_columns(
    write: Write, tmp_path: Path, empty: str
) -> None:
    write("b.parquet", x=[1, 2])
    pq.write_table(pa.table({"x": pa.nulls(0), "t": pa.nulls(0)}), tmp_path / f"{empty}.parquet")
    source = read_source([str(tmp_path)])
    assert (source.columns, source.rows, len(source.files)) == (("text1", "text2", "x"), 2, 2)
    assert [file.path for file in source.filled_files] == ["b.parquet"]


def test_required_and_optional_columns_are_the_same(write: Write, tmp_path: Path) -> None:
    optional = pq.read_table(write("a.parquet"))
    required = pa.schema([field.with_nullable(False) for field in optional.schema])
    pq.write_table(optional.cast(required), tmp_path / "b.parquet")
    assert len(read_source([str(tmp_path)]).files) == 2


def test_decimals_are_the_same_as_bytes_and_as_integers(write: Write, tmp_path: Path) -> None:
    numbers = pa.array([1, 2], pa.decimal128(9, 2))
    write("a.parquet", x=numbers)
    write("b.parquet", x=numbers, writer={"store_decimal_as_integer": True})
    assert len(read_source([str(tmp_path)]).files) == 2


def test_columns_may_come_in_another_order(write: Write, tmp_path: Path) -> None:
    table = pq.read_table(write("a.parquet"))
    pq.write_table(table.select(["text2", "text1"]), tmp_path / "b.parquet")
    assert read_source([str(tmp_path)]).columns == ("text1", "text2")


def test_duckdb_and_arrow_write_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "duckdb.parquet").write_bytes(DUCKDB)
    table = pq.read_table(tmp_path / "duckdb.parquet")
    names = table.column_names
    assert names == ["text1", "text2", "i64", "i32", "ts", "d"]
    pq.write_table(
        table.cast(pa.schema([f.with_nullable(True) for f in table.schema])),
        tmp_path / "arrow.parquet",
    )
    assert len(read_source([str(tmp_path)]).files) == 2


@pytest.mark.parametrize(
    ("one", "two", "kinds"),
    [
        pytest.param([1, 2], ["a", "b"], "int64 in A but string in B", id="type"),
        pytest.param(
            pa.array([1, 2], pa.int16()),
            pa.array([1, 2], pa.int32()),
            "int16 in A but int32 in B",
            id="width",
        ),
        pytest.param(
            pa.array([1, 2], pa.uint64()),
            pa.array([1, 2], pa.int64()),
            "uint64 in A but int64 in B",
            id="sign",
        ),
        pytest.param(
            pa.array([1, 2], pa.timestamp("us")),
            pa.array([1, 2], pa.timestamp("us", "UTC")),
            r"timestamp\[us\] in A but timestamp\[us, tz=UTC\] in B",
            id="zone",
        ),
        pytest.param(
            pa.array([1, 2], pa.timestamp("us")),
            pa.array([1, 2], pa.timestamp("ns")),
            r"timestamp\[us\] in A but timestamp\[ns\] in B",
            id="nanoseconds",
        ),
        pytest.param(
            pa.array([1, 2], pa.decimal128(9, 2)),
            pa.array([1, 2], pa.decimal128(9, 3)),
            r"decimal128\(9, 2\) in A but decimal128\(9, 3\) in B",
            id="scale",
        ),
        pytest.param(
            [[1], [2]],
            [["a"], ["b"]],
            "list<element: int64> in A but list<element: string> in B",
            id="inside a list",
        ),
        pytest.param(
            [{"a": 1}] * 2,
            [{"a": 1, "b": 2}] * 2,
            "struct<a: int64> in A but struct<a: int64, b: int64> in B",
            id="a field more",
        ),
        pytest.param(
            [{"a": 1, "b": 2}] * 2,
            [{"a": 1}] * 2,
            "struct<a: int64, b: int64> in A but struct<a: int64> in B",
            id="a field less",
        ),
        pytest.param([1, 2], [[1], [2]], "int64 in A but list<element: int64> in B", id="a list"),
        pytest.param(
            pa.nulls(2),
            ["a", "b"],
            r"null \(all its values are missing\) in A but string in B",
            id="all null",
        ),
    ],
)
def test_columns_that_differ_are_refused_naming_both_files(
    write: Write, tmp_path: Path, one: Any, two: Any, kinds: str
) -> None:
    write("a.parquet", **{"x.y": one})
    write("b.parquet", **{"x.y": two})
    kinds = kinds.replace(" A", f" {tmp_path}/a.parquet").replace(" B", f" {tmp_path}/b.parquet")
    with pytest.raises(UserError, match=f"column 'x.y' is {kinds}. All files of INPUT must have"):
        read_source([str(tmp_path)])


def test_columns_that_arrow_reads_alike_but_spark_does_not_are_told_apart(
    write: Write, tmp_path: Path
) -> None:
    times = pa.array([1000, 2000], pa.timestamp("ns"))
    write("a.parquet", x=times)
    write("b.parquet", x=times, writer={"use_deprecated_int96_timestamps": True})
    with pytest.raises(UserError, match=r"stored as INT64 .* but .* stored as INT96 .*b.parquet"):
        read_source([str(tmp_path)])


@pytest.mark.parametrize(("one", "two"), [("a", "b"), ("b", "a")])
def test_a_column_that_only_one_file_has_is_refused_naming_both(
    write: Write, tmp_path: Path, one: str, two: str
) -> None:
    write(f"{one}.parquet", x=[1, 2])
    write(f"{two}.parquet")
    match = f"column 'x' is in {tmp_path}/{one}.parquet but not in {tmp_path}/{two}.parquet"
    with pytest.raises(UserError, match=match):
        read_source([str(tmp_path)])


def test_files_of_two_inputs_must_be_alike_too(write: Write, tmp_path: Path) -> None:
    write("a/1.parquet")
    write("b/1.parquet", x=[1, 2])
    with pytest.raises(UserError, match=r"column 'x' is in .*b/1.parquet but not in .*a/1.parquet"):
        read_source([str(tmp_path / "a"), str(tmp_path / "b")])
