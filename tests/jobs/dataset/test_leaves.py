"""Leaves: which types are the same to Spark, and where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.leaves import Leaf, leaves_of, spark_type

MICROSECONDS = "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds)"


def leaves(folder: Path, columns: dict[str, Any], **writer: Any) -> tuple[Leaf, ...]:
    pq.write_table(pa.table(columns), folder / "x.parquet", **writer)
    schema = pq.read_metadata(folder / "x.parquet").schema
    return leaves_of(schema, schema.to_arrow_schema())


@pytest.mark.parametrize(
    ("physical", "logical", "kind"),
    [
        ("INT32", "None", "int"),
        ("INT32", "Null", "int"),
        ("INT32", "Int(bitWidth=32, isSigned=true)", "int"),
        ("INT32", "Int(bitWidth=16, isSigned=false)", "int"),
        ("INT32", "Int(bitWidth=8, isSigned=false)", "smallint"),
        ("INT32", "Int(bitWidth=16, isSigned=true)", "smallint"),
        ("INT32", "Int(bitWidth=8, isSigned=true)", "tinyint"),
        ("INT32", "Int(bitWidth=32, isSigned=false)", "bigint"),
        ("INT64", "None", "bigint"),
        ("INT64", "Int(bitWidth=64, isSigned=true)", "bigint"),
        ("INT64", "Int(bitWidth=64, isSigned=false)", "decimal(20,0)"),
        ("INT32", "Decimal(precision=9, scale=2)", "decimal(9,2)"),
        ("FIXED_LEN_BYTE_ARRAY", "Decimal(precision=9, scale=2)", "decimal(9,2)"),
        ("FIXED_LEN_BYTE_ARRAY", "Decimal(precision=39, scale=2)", None),
        ("INT96", "None", "timestamp"),
        ("INT64", MICROSECONDS, "timestamp"),
        ("INT64", MICROSECONDS.replace("micro", "milli"), "timestamp"),
        ("INT64", MICROSECONDS.replace("true", "false"), "timestamp_ntz"),
        ("INT64", MICROSECONDS.replace("micro", "nano"), "bigint (nanoseconds) in UTC"),
        ("BYTE_ARRAY", "String", "string"),
        ("BYTE_ARRAY", "Enum", "string"),
        ("BYTE_ARRAY", "JSON", "string"),
        ("BYTE_ARRAY", "None", "binary"),
        ("FIXED_LEN_BYTE_ARRAY", "None", "binary"),
        ("FIXED_LEN_BYTE_ARRAY", "UUID", None),
        ("INT64", "Time(isAdjustedToUTC=true, timeUnit=microseconds)", None),
    ],
)
def test_types_are_those_of_spark(physical: str, logical: str, kind: str | None) -> None:
    assert spark_type(physical, logical) == kind


def test_a_dot_in_a_name_is_no_field(tmp_path: Path) -> None:
    found = leaves(tmp_path, {"a.b": [1], "a": [{"b": 1, "c.d": "x"}], "": [True]})
    assert [leaf.path for leaf in found] == [("a.b",), ("a", "b"), ("a", "c.d"), ("",)]


@pytest.mark.parametrize("compliant", [True, False])
def test_inner_names_of_lists_and_maps_do_not_count(tmp_path: Path, compliant: bool) -> None:
    item = pa.field("item", pa.int64())
    columns = {
        "plain": pa.array([[1]], pa.list_(item)),
        "large": pa.array([[1]], pa.large_list(item)),
        "fixed": pa.array([[1, 2]], pa.list_(item, 2)),
        "nested": pa.array([[[{"x": 1}]]]),
        "map": pa.array([[("k", [1])]], pa.map_(pa.string(), pa.list_(pa.int64()))),
        "coded": pa.array(["a"]).dictionary_encode(),
    }
    found = leaves(tmp_path, columns, use_compliant_nested_type=compliant)
    assert [(leaf.name, leaf.kind, leaf.lists) for leaf in found] == [
        ("plain.element", "bigint", 1),
        ("large.element", "bigint", 1),
        ("fixed.element", "bigint", 1),
        ("nested.element.element.x", "bigint", 2),
        ("map.key", "string", 1),
        ("map.value.element", "bigint", 2),
        ("coded", "string", 0),
    ]
    assert [leaf.is_text for leaf in found] == [False] * 6 + [True]


def test_a_list_is_not_a_struct_with_a_field_called_element(tmp_path: Path) -> None:
    [one] = leaves(tmp_path, {"x": [[1]]})
    [two] = leaves(tmp_path, {"x": [{"element": 1}]})
    assert (one.path, one.kind) == (two.path, two.kind)
    assert one != two
