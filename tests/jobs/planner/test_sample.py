"""Where a sample's rows are from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.source import Source
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns
from semscore.jobs.planner import sample
from semscore.jobs.planner.sample import Sample, take_sample
from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import Storage

Numbered = Callable[..., Source]


def settings(**columns: Any) -> Settings:
    return Settings(inputs=("in",), output="out", columns=Columns(**columns))


def take(source: Source, chunk_rows: int, chunks: int = 4) -> Sample:
    return take_sample(source, settings(), Storage(), chunk_rows, chunks)


def numbers(found: Sample) -> list[list[int]]:
    return [[int(text) for text in chunk.columns[0]] for chunk in found.chunks]


def test_chunks_are_neighbours_at_equal_distances(numbered: Numbered) -> None:
    found = take(numbered(3000, 3000, 3000, row_group=700), 100)
    assert numbers(found) == [list(range(start, start + 100)) for start in (0, 2966, 5933, 8900)]
    assert not found.is_all


def test_a_chunk_goes_over_the_ends_of_files(numbered: Numbered) -> None:
    found = take(numbered(*[10] * 30), 40, chunks=2)
    assert numbers(found) == [list(range(40)), list(range(260, 300))]


def test_a_small_dataset_is_read_whole_each_row_once(numbered: Numbered) -> None:
    found = take(numbered(130, 1, 119, row_group=50), 100)
    assert [row for chunk in numbers(found) for row in chunk] == list(range(250))
    assert found.is_all


def test_each_partition_gets_its_share(tmp_path: Path) -> None:
    for key in "abcd":
        folder = tmp_path / f"k={key}"
        folder.mkdir()
        pq.write_table(pa.table({"text1": ["x"] * 1000}), folder / "part.parquet")
    source = read_source([str(tmp_path)])
    found = take_sample(source, settings(text2="k"), Storage(), 100, 4)
    assert [set(chunk.columns[1]) for chunk in found.chunks] == [{"a"}, {"b"}, {"c"}, {"d"}]


def test_long_texts_end_a_chunk_early(numbered: Numbered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "CHUNK_BYTES", 1)
    found = take(numbered(9000, row_group=9000), 4000, chunks=2)
    assert numbers(found)[0] == list(range(2048))  # one batch
    assert numbers(found)[1][0] == 5000


def test_after_a_while_no_further_chunk_is_begun(
    numbered: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "READ_S", 0.0)
    assert numbers(take(numbered(5000), 10)) == [list(range(10))]


def test_broken_data_is_noted_and_the_rest_is_read(numbered: Numbered, tmp_path: Path) -> None:
    source = numbered(500, 500)
    path = tmp_path / "part-00000.parquet"
    data = bytearray(path.read_bytes())
    data[4:600] = bytes(596)
    path.write_bytes(data)
    source = read_source([str(tmp_path)])
    found = take(source, 100, chunks=2)
    assert numbers(found) == [list(range(900, 1000))]
    assert [file.path.endswith("part-00000.parquet") for file in found.bad] == [True]


def test_files_without_rows_are_nothing_to_plan_for(numbered: Numbered) -> None:
    with pytest.raises(UserError, match="no row of INPUT could be read: its files have no rows"):
        take(numbered(0), 10)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_texts_of_any_kind_of_string_come_as_text(tmp_path: Path, kind: pa.DataType) -> None:
    texts = pa.array(["a", None, "é"], pa.string()).cast(kind)
    pq.write_table(pa.table({"text1": texts, "text2": texts}), tmp_path / "x.parquet")
    [chunk] = take(read_source([str(tmp_path)]), 10).chunks
    assert chunk.columns[0].tolist() == ["a", None, "é"]
    assert chunk.columns[0].dtype == object


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), "str")])
def test_texts_that_are_not_utf_8_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    raw = pa.array([b"Cr\xe8me", b"plain", None], pa.binary()).view(pa.string())
    texts = raw.dictionary_encode() if pa.types.is_dictionary(kind) else raw.cast(kind)
    pq.write_table(pa.table({"text1": texts, "text2": texts}), tmp_path / "a.parquet")
    found = take(read_source([str(tmp_path)]), 100)
    assert found.bad == ()
    assert found.chunks[0].columns[0].tolist() == ["Cr\ufffdme", "plain", None]
