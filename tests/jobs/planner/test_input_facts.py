"""What footers say of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.source import Source
from semscore.jobs.planner.input_facts import facts_of


def test_rows_row_groups_and_bytes_are_those_of_the_footers(
    numbered: Callable[..., Source],
) -> None:
    source = numbered(2500, 500)
    found = facts_of(source, (BadFile("x.parquet", "torn"),))
    assert (found.rows, found.exact, found.files, found.row_groups) == (3000, True, 2, 4)
    assert found.bytes == sum(file.size for file in source.files)
    assert found.bad == ({"path": "x.parquet", "reason": "torn"},)
    assert found.partition_columns == ()


def test_of_very_many_files_some_footers_stand_for_all(numbered: Callable[..., Source]) -> None:
    source = numbered(*[100] * 10)
    some = dict(list(source.counts.items())[::2])
    found = facts_of(replace(source, counts=some))
    assert not found.exact
    assert found.about == "about "
    assert found.rows in range(950, 1051)


def test_the_largest_partition_is_told_as_a_multiple_of_the_mean(tmp_path: Path) -> None:
    for key, rows in (("a", 30_000), ("b", 10), ("c", 10), ("d", 10)):
        folder = tmp_path / f"k={key}"
        folder.mkdir()
        texts = [f"{key} {row}" for row in range(rows)]
        pq.write_table(pa.table({"text1": texts, "text2": texts}), folder / "part.parquet")
    found = facts_of(read_source([str(tmp_path)]))
    assert (found.partition_columns, found.partitions) == (("k",), 4)
    assert found.largest_partition[0] == "k=a"
    assert 3.8 < found.largest_partition[1] < 4
    assert found.largest_file == ("k=a/part.parquet", found.largest_partition[1])
