"""Iceberg's schemas as Spark's parquet reader needs them, and renamed columns."""

from __future__ import annotations

import pytest
from pyiceberg import types as iceberg
from pyiceberg.schema import Schema
from pyspark.sql import types as spark

from semscore.jobs.table_logs.iceberg import was_renamed
from semscore.jobs.table_logs.iceberg_types import spark_schema
from semscore.jobs.table_logs.snapshot import FIELD_ID


def schema(*fields: tuple[int, str, iceberg.IcebergType]) -> Schema:
    return Schema(*(iceberg.NestedField(number, name, kind) for number, name, kind in fields))


ID, TEXT = iceberg.LongType(), iceberg.StringType()


def test_types_are_spark_s() -> None:
    columns = {
        "id": (ID, spark.LongType()),
        "price": (iceberg.DecimalType(9, 2), spark.DecimalType(9, 2)),
        "at": (iceberg.TimestamptzType(), spark.TimestampType()),
        "local": (iceberg.TimestampType(), spark.TimestampNTZType()),
        "tags": (
            iceberg.ListType(10, TEXT, element_required=False),
            spark.ArrayType(spark.StringType()),
        ),
        "counts": (
            iceberg.MapType(11, TEXT, 12, ID, value_required=False),
            spark.MapType(spark.StringType(), spark.LongType()),
        ),
        "where": (
            iceberg.StructType(iceberg.NestedField(13, "x", iceberg.DoubleType())),
            spark.StructType([spark.StructField("x", spark.DoubleType())]),
        ),
    }
    fields = [(n, name, kind) for n, (name, (kind, _)) in enumerate(columns.items(), 1)]
    found, unreadable = spark_schema(schema(*fields), with_ids=False)
    assert {field.name: field.dataType for field in found} == {
        name: wanted for name, (_, wanted) in columns.items()
    }
    assert unreadable == {}


@pytest.mark.parametrize("kind", [iceberg.TimeType(), iceberg.UUIDType(), iceberg.FixedType(4)])
def test_types_that_spark_s_reader_lacks_are_named(kind: iceberg.IcebergType) -> None:
    found, unreadable = spark_schema(schema((1, "id", ID), (2, "x", kind)), with_ids=True)
    assert [(field.name, field.metadata) for field in found] == [("id", {FIELD_ID: 1})]
    assert unreadable == {"x": f"has the type {kind}, which Spark's reader lacks"}


def test_a_column_is_found_by_its_id_if_names_have_moved() -> None:
    now = schema((1, "id", ID), (3, "text", TEXT))
    assert not was_renamed(now, [now, schema((1, "id", ID)), schema((1, "id", ID), (2, "x", TEXT))])
    assert was_renamed(now, [schema((1, "id", ID), (3, "old", TEXT))])  # renamed
    assert was_renamed(now, [schema((1, "id", ID), (2, "text", TEXT))])  # dropped and added again
