"""What a Delta table's log says about the files of a dataset."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.table_logs.delta_commit import require_legal, statistics, values_in
from semscore.udfs.errors import UserError


def footer(columns: dict[str, Any], **options: Any) -> pq.FileMetaData:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return pq.read_metadata(pa.BufferReader(sink.getvalue()))


def test_values_of_folders_are_decoded() -> None:
    path = "k=a%2Fb c/day=2024-02-29/n=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert values_in(path) == {"k": "a/b c", "day": "2024-02-29", "n": None}
    assert values_in("part-0.parquet") == {}


def test_statistics_span_the_row_groups() -> None:
    columns = {
        "id": [4, 1, None, 7],
        "day": [dt.date(2024, 2, 28), None, dt.date(2024, 3, 1), None],
        "text": ["b", "a", "d", None],
        "empty": pa.array([None] * 4, pa.int32()),
    }
    found = statistics(footer(columns, row_group_size=2))
    assert found["numRecords"] == 4
    assert found["nullCount"] == {"id": 1, "day": 2, "text": 1, "empty": 4}
    assert found["minValues"] == {"id": 1, "day": "2024-02-28", "text": "a"}
    assert found["maxValues"] == {"id": 7, "day": "2024-03-01", "text": "d"}


def test_bounds_that_a_reader_could_misunderstand_are_left_out() -> None:
    """Long texts would need rounding, NaN has no order, and nested columns have other names."""
    columns = {
        "long": ["x" * 33],
        "nan": [float("nan")],
        "at": [dt.datetime(2024, 1, 1)],
        "yes": [True],
        "nested": [{"a": 1}],
    }
    found = statistics(footer(columns))
    assert found["minValues"] == found["maxValues"] == {}
    assert json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("name", ["an id", "a,b", "a;b", "{a", "(a", "a=b", "a\tb", "a\nb"])
def test_names_that_need_column_mapping_are_refused(name: str) -> None:
    require_legal(["id", "a.b", "é", "a-b"])
    with pytest.raises(UserError, match="a Delta table cannot have a column whose name has"):
        require_legal(["id", name])
