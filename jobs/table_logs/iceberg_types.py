"""The schema of an Iceberg table, as Spark's parquet reader needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import types as spark

from semscore.jobs.table_logs.snapshot import FIELD_ID

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType, NestedField

PLAIN = {  # by the name of Iceberg's type
    "boolean": spark.BooleanType(),
    "int": spark.IntegerType(),
    "long": spark.LongType(),
    "float": spark.FloatType(),
    "double": spark.DoubleType(),
    "date": spark.DateType(),
    "timestamp": spark.TimestampNTZType(),
    "timestamptz": spark.TimestampType(),
    "string": spark.StringType(),
    "binary": spark.BinaryType(),
}


def spark_schema(schema: Schema, with_ids: bool) -> tuple[spark.StructType, dict[str, str]]:
    """Return the columns that Spark's parquet reader can read, and why it cannot read others.

    `with_ids`: the fields have their ids in their metadata.
    """
    columns, unreadable = [], {}
    for field in schema.fields:
        if field.initial_default is not None:
            unreadable[field.name] = "has a default value for older rows, which files do not show"
            continue
        try:
            columns.append(_field(field, with_ids))
        except KeyError as kind:
            unreadable[field.name] = f"has the type {kind.args[0]}, which Spark's reader lacks"
    return spark.StructType(columns), unreadable


def _field(field: NestedField, with_ids: bool) -> spark.StructField:
    metadata = {FIELD_ID: field.field_id} if with_ids else {}
    return spark.StructField(field.name, _type(field.field_type, with_ids), True, metadata)


def _type(kind: IcebergType, with_ids: bool) -> spark.DataType:
    """Raise KeyError for a type that Spark's parquet reader lacks."""
    from pyiceberg import types as iceberg

    if isinstance(kind, iceberg.DecimalType):
        return spark.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, iceberg.StructType):
        return spark.StructType([_field(field, with_ids) for field in kind.fields])
    if isinstance(kind, iceberg.ListType):
        return spark.ArrayType(_type(kind.element_type, with_ids))
    if isinstance(kind, iceberg.MapType):
        return spark.MapType(_type(kind.key_type, with_ids), _type(kind.value_type, with_ids))
    return PLAIN[str(kind)]
