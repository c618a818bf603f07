"""Texts of any bytes, from Arrow and from Spark's own reader of batches."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from semscore.udfs.texts.from_arrow import _reader, any_bytes, python_texts, to_pandas

BAD = "\ufffd"
# bytes -> as Python reads them
TEXTS: dict[bytes, str] = {
    b"plain": "plain",
    "漢字 🚀".encode(): "漢字 🚀",
    b"nul \0 inside": "nul \0 inside",
    b"Cr\xe8me": f"Cr{BAD}me",  # Latin-1
    b"\xff\xfe": BAD * 2,  # nothing else: not blank
    b"cut \xf0\x9f\x9a": f"cut {BAD}",  # at the end
    b"\xc0\xaf": BAD * 2,  # overlong
    b"\xed\xa0\xbd\xed\xb8\x80": BAD * 6,  # two surrogates: CESU-8
    b"\xed\xb8\x80 lone": f"{BAD * 3} lone",
    b"\xf4\x90\x80\x80": BAD * 4,  # beyond Unicode
}
TYPES = [pa.string(), pa.large_string()]


def column(values: list[bytes | None], kind: pa.DataType) -> pa.Array:
    raw = pa.large_binary() if kind == pa.large_string() else pa.binary()
    return pa.array(values, raw).view(kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("raw", TEXTS)
def test_bad_bytes_are_read_as_the_replacement_character(raw: bytes, kind: pa.DataType) -> None:
    values = column([raw, None, b""], kind)
    assert python_texts(values) == [TEXTS[raw], None, ""]
    for series in (to_pandas(values), to_pandas(pa.chunked_array([values[:1], values[1:]]))):
        assert [None if pd.isna(text) else text for text in series] == [TEXTS[raw], None, ""]
    again = to_pandas(values.dictionary_encode())
    assert again.tolist()[0] == TEXTS[raw]


def test_other_types_are_pandas_own() -> None:
    assert to_pandas(pa.array([1, 2])).tolist() == [1, 2]
    nested = pa.array([[b"\xff"]], pa.list_(pa.binary())).cast(pa.list_(pa.binary()))
    assert to_pandas(nested).tolist()[0].tolist() == [b"\xff"]


def read(values: pa.ChunkedArray) -> list[Any]:
    """A column as Spark hands it to a pandas UDF."""
    reader, name = _reader()
    if name == "convert":
        from pyspark.sql.pandas.types import from_arrow_type

        series = reader.convert(values, from_arrow_type(values.type), ser_name="x")
    else:
        series = reader("UTC", True, True).arrow_to_pandas(values)
    found: list[Any] = series.tolist()
    return found


@pytest.mark.parametrize("raw", TEXTS)
def test_spark_s_reader_takes_any_bytes_while_it_is_told_to(raw: bytes) -> None:
    values = pa.chunked_array([column([raw, b"x"], pa.string())])
    with any_bytes():
        assert read(values) == [TEXTS[raw], "x"]
        assert read(pa.chunked_array([[3]])) == [3]


def test_other_functions_keep_spark_s_own_reader() -> None:
    reader, name = _reader()
    usual = vars(reader)[name]
    with pytest.raises(KeyError), any_bytes():
        raise KeyError
    assert vars(reader)[name] is usual
