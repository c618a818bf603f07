"""Texts from Arrow to Python, also where their bytes are not UTF-8.

Spark and other writers on the JVM keep the bytes that a file had, such as those of a Latin-1 CSV,
and neither Arrow nor parquet checks them. Python has no such text: it reads U+FFFD in place of each
bad sequence, as Spark shows it. Spark writes the bytes themselves, since these stay in Java.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

Column: TypeAlias = "pa.Array | pa.ChunkedArray"

NOT_UTF8 = (UnicodeDecodeError, pa.ArrowException)  # the latter is what Arrow makes of the former


def python_texts(column: Column) -> list[str | None]:
    """A column of text of any bytes, n values, as Python has them; nulls are None."""
    values = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else value.decode("utf-8", "replace") for value in values]


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are strings, in a dictionary or not."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(value) or pa.types.is_large_string(value) or str(value) == "string_view"
    )


def to_pandas(column: Column) -> pd.Series[Any]:
    """A column of any type as pandas has it, texts of any bytes among them."""
    try:
        found: pd.Series[Any] = column.to_pandas()
    except NOT_UTF8:
        if not is_text(column.type):
            raise
        found = pd.Series(python_texts(column), dtype=object)
    return found


@contextmanager
def any_bytes() -> Iterator[None]:
    """While it lasts, Spark hands texts of any bytes to the pandas UDF that runs in this process.

    Spark converts batches before the UDF sees them, and has no setting for that. Where all bytes
    are UTF-8 this adds one call to each column of a batch.
    """
    from pyspark.sql.pandas import serializers

    reader: Any = serializers.ArrowStreamPandasUDFSerializer
    usual = reader.arrow_to_pandas

    def arrow_to_pandas(self: Any, column: Any, *others: Any) -> Any:
        try:
            return usual(self, column, *others)
        except NOT_UTF8:
            if not is_text(column.type):
                raise
            return usual(self, pa.array(python_texts(column), column.type), *others)

    reader.arrow_to_pandas = arrow_to_pandas
    try:
        yield
    finally:
        reader.arrow_to_pandas = usual
