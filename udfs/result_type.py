"""The type of a column of scores."""

from __future__ import annotations

from pyspark.sql.types import FloatType, StringType, StructField, StructType

SIMILARITY_TYPE = StructType(
    [StructField("score", FloatType()), StructField("status", StringType())]
)
"""Type of a column of scores, for schemas: `struct<score: float, status: string>`.

Examples:
    >>> from semscore import SIMILARITY_TYPE
    >>> SIMILARITY_TYPE.simpleString()
    'struct<score:float,status:string>'
"""
