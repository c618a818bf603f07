"""What a Delta table's log says about the files of a dataset."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql.types import LongType, StringType, StructField, StructType

from semscore.jobs.table_logs.delta_commit import (
    commit_delta,
    partition_values,
    require_legal,
    statistics,
)
from semscore.jobs.table_logs.finished import Finished
from semscore.udfs.errors import OutputInUse, UserError
from semscore.udfs.stores.local_folder import LocalFolder


def footer(columns: dict[str, Any], **options: Any) -> pq.FileMetaData:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return pq.read_metadata(pa.BufferReader(sink.getvalue()))


def test_values_of_folders_are_decoded() -> None:
    path = "k=a%2Fb c/day=2024-02-29/n=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert partition_values(path) == {"k": "a/b c", "day": "2024-02-29", "n": None}
    assert partition_values("part-0.parquet") == {}


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


def finished(folder: Path, *names: str, run: str = "r") -> Finished:
    """A dataset of files with one row each, in partition folders."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": [len(name)]}), folder / name)
    schema = StructType([StructField("id", LongType()), StructField("k", StringType())])
    return Finished(LocalFolder(str(folder)), run, schema, ("k",), frozenset(names))


def held() -> None:
    """The run holds OUTPUT."""


def test_the_log_lists_exactly_the_dataset_s_files(tmp_path: Path) -> None:
    a, b, c = (f"k=x%2F{name} y/part.parquet" for name in "abc")
    assert commit_delta(finished(tmp_path, a, b), {}, held) == 0
    assert commit_delta(finished(tmp_path, a, b, run="another"), {}, held) == 0
    assert commit_delta(finished(tmp_path, b, c), {}, held) == 1
    table = DeltaTable(tmp_path)
    assert table.to_pyarrow_table().sort_by("k")["k"].to_pylist() == ["x/b y", "x/c y"]
    assert table.transaction_version("semscore r") == 1


def test_a_run_that_has_lost_output_commits_nothing(tmp_path: Path) -> None:
    def lost() -> None:
        raise OutputInUse("another run has taken over")

    a, b = "k=a/part.parquet", "k=b/part.parquet"
    with pytest.raises(OutputInUse):
        commit_delta(finished(tmp_path, a), {}, lost)
    assert not DeltaTable.is_deltatable(str(tmp_path))
    commit_delta(finished(tmp_path, a), {}, held)
    with pytest.raises(OutputInUse):
        commit_delta(finished(tmp_path, b), {}, lost)
    assert DeltaTable(tmp_path).version() == 0
