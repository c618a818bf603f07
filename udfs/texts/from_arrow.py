"""Texts from Arrow to Python, also where their bytes are not UTF-8.

Spark and other writers on the JVM keep the bytes that a file had, such as those of a Latin-1 CSV,
and neither Arrow nor parquet checks them. Python has no such text: it reads U+FFFD in place of each
bad sequence, as Spark shows it. Spark writes the bytes themselves, since these stay in Java.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
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
        found: pd.Series[Any] = _decoded(column.to_pandas())
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
    """Find the class and method with which this Spark converts a column: new ones since 4.2."""
    serializers: Any = import_module("pyspark.sql.pandas.serializers")
    usual = getattr(serializers, "ArrowStreamPandasUDFSerializer", None)
    if hasattr(usual, "arrow_to_pandas"):
        return usual, "arrow_to_pandas"
    conversion: Any = import_module("pyspark.sql.conversion")
    return conversion.ArrowArrayToPandasConversion, "convert"


def _decoded(values: Any) -> Any:
    """Values as Python has them: pandas 3 leaves texts in Arrow until somebody looks at them."""
    is_lazy = isinstance(values, pd.Series) and isinstance(values.dtype, pd.StringDtype)
    return values.astype(object) if is_lazy else values
