"""The type of a column of scores."""

from __future__ import annotations

from pyspark.sql.types import FloatType, StringType, StructField, StructType

SIMILARITY_TYPE = StructType(
    [StructField("score", FloatType()), StructField("status", StringType())]
)
