"""Conversion of texts from Arrow to Python, including texts that are not valid UTF-8.

Spark and other writers on the JVM keep the bytes of a file, such as those of a Latin-1 CSV, and
neither Arrow nor parquet checks them. A Python string cannot hold them, so each invalid sequence is
read as U+FFFD, as Spark displays it. The bytes stay in Java, so Spark's output has them unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

Column: TypeAlias = "pa.Array | pa.ChunkedArray"

NOT_UTF8 = (UnicodeDecodeError, pa.ArrowException)  # Arrow turns the former into the latter


def python_texts(column: Column) -> list[str | None]:
    """Convert a column of n texts, which may hold any bytes, to Python strings. Null becomes None.

    Invalid UTF-8 becomes U+FFFD.
    """
    values = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else value.decode("utf-8", "replace") for value in values]


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are strings, dictionary-encoded or not."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(value) or pa.types.is_large_string(value) or str(value) == "string_view"
    )


def to_pandas(column: Column) -> pd.Series[Any]:
    """Convert a column of any type to pandas, including texts that are not valid UTF-8."""
    try:
        series: pd.Series[Any] = _decoded(column.to_pandas())
    except NOT_UTF8:
        if not is_text(column.type):
            raise
        series = pd.Series(python_texts(column), dtype=object)
    return series


@contextmanager
def any_bytes() -> Iterator[None]:
    """Make Spark accept texts that are not valid UTF-8 in this process's pandas UDF, until exit.

    Spark converts batches before the UDF sees them, and has no setting for this. If all bytes are
    UTF-8, this adds one call for each column of a batch.
    """
    reader, name = _reader()
    original = vars(reader)[name]
    usual = getattr(original, "__func__", original)

    def read(owner: Any, column: Any, *others: Any, **named: Any) -> Any:
        try:
            return _decoded(usual(owner, column, *others, **named))
        except NOT_UTF8:
            if not is_text(column.type):
                raise
            return usual(owner, pa.array(python_texts(column), column.type), *others, **named)

    setattr(reader, name, read if original is usual else classmethod(read))
    try:
        yield
    finally:
        setattr(reader, name, original)


def _reader() -> tuple[Any, str]:
    """Return the class and method by which Spark converts a column. They changed in Spark 4.2."""
    serializers: Any = import_module("pyspark.sql.pandas.serializers")
    usual = getattr(serializers, "ArrowStreamPandasUDFSerializer", None)
    if hasattr(usual, "arrow_to_pandas"):
        return usual, "arrow_to_pandas"
    conversion: Any = import_module("pyspark.sql.conversion")
    return conversion.ArrowArrayToPandasConversion, "convert"


def _decoded(values: Any) -> Any:
    """Convert texts to Python strings now. pandas 3 keeps them in Arrow until they are used."""
    is_lazy = isinstance(values, pd.Series) and isinstance(values.dtype, pd.StringDtype)
    return values.astype(object) if is_lazy else values
