"""A bounded look at what was written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.ledger.committed import DataFile
from semscore.jobs.reporting import looks
from semscore.jobs.reporting.looks import Wanted, look, partition_of
from semscore.udfs.stores.local_folder import LocalFolder

WANTED = Wanted("s", "st", "a", "b")


def written(home: Path, path: str, rows: int, group: int = 1000) -> DataFile:
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {"a": [f"{path} {k}" for k in range(rows)], "b": ["b"] * rows, "st": ["ok"] * rows}
    numbers = pa.array([k / 1000 for k in range(rows)], pa.float32())
    pq.write_table(pa.table(columns | {"s": numbers}), file, row_group_size=group)
    return DataFile(path, rows, file.stat().st_size)


def test_a_small_dataset_is_looked_at_whole(tmp_path: Path) -> None:
    files = [written(tmp_path, f"k={k}/f.parquet", 5) for k in (1, 2)]
    found = look(LocalFolder(str(tmp_path)), files, WANTED)
    assert found.columns.tolist() == ["text1", "text2", "status", "score", "partition"]
    assert sorted(found.partition) == ["k=1"] * 5 + ["k=2"] * 5
    assert set(found.text1) == {f"k={k}/f.parquet {n}" for k in (1, 2) for n in range(5)}


def test_of_a_large_file_some_rows_from_all_over_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MOST_ROWS", 40)
    file = written(tmp_path, "f.parquet", 1000, group=10)
    found = look(LocalFolder(str(tmp_path)), [file], WANTED)
    assert len(found) == 40
    assert found.score.min() == 0
    assert found.score.max() > 0.7  # the fourth quarter too


def test_rows_are_taken_from_files_as_these_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MOST_ROWS", 100)
    files = [written(tmp_path, "k=1/f.parquet", 900), written(tmp_path, "k=2/f.parquet", 100)]
    found = look(LocalFolder(str(tmp_path)), files, WANTED)
    assert found.partition.value_counts().to_dict() == {"k=1": 90, "k=2": 10}


def test_many_files_with_few_rows_are_looked_at_whole(tmp_path: Path) -> None:
    files = [written(tmp_path, f"{k}.parquet", 2) for k in range(100)]
    assert len(look(LocalFolder(str(tmp_path)), files, WANTED)) == 200


def test_no_more_of_a_row_group_is_decoded_than_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeated texts are small in a file and large out of it."""
    monkeypatch.setattr(looks, "MOST_ROWS", 100)
    texts = pa.DictionaryArray.from_arrays(
        pa.array([k % 5 for k in range(20_000)], pa.int32()), [f"{k}" * 20_000 for k in range(5)]
    )
    columns = {"a": texts, "b": ["b"] * 20_000, "s": [0.5] * 20_000, "st": ["ok"] * 20_000}
    # As plain text: 400 MB, once it is decoded.
    pq.write_table(pa.table(columns), tmp_path / "f.parquet", store_schema=False)
    usual = pa.default_memory_pool()
    own = pa.proxy_memory_pool(usual)  # its peak is of this look alone
    pa.set_memory_pool(own)
    try:
        found = look(LocalFolder(str(tmp_path)), [DataFile("f.parquet", 20_000, 1)], WANTED)
    finally:
        pa.set_memory_pool(usual)
    assert len(found) == 100
    assert 0 < own.max_memory() < 50_000_000


def test_each_partition_is_seen_before_any_is_seen_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MOST_FILES", 4)
    monkeypatch.setattr(looks, "MOST_SMALL_FILES", 4)
    files = [written(tmp_path, f"k=big/{n}.parquet", 90) for n in range(9)]
    files += [written(tmp_path, f"k={k}/f.parquet", 3) for k in "abc"]
    found = look(LocalFolder(str(tmp_path)), files, WANTED)
    assert set(found.partition) == {"k=big", "k=a", "k=b", "k=c"}


def test_columns_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    file = written(tmp_path, "f.parquet", 3)
    found = look(LocalFolder(str(tmp_path)), [file], Wanted("s", "st", "a", "no"))
    assert "text2" not in found


def test_no_files_and_no_rows(tmp_path: Path) -> None:
    assert look(LocalFolder(str(tmp_path)), [], WANTED).empty
    empty = written(tmp_path, "f.parquet", 0)
    assert look(LocalFolder(str(tmp_path)), [empty], WANTED).empty


def test_partitions_read_as_people_write_them() -> None:
    assert partition_of(DataFile("a%3Ab=x%20y/c=1/f.parquet", 1, 1)) == "a:b=x y/c=1"
    assert partition_of(DataFile("f.parquet", 1, 1)) == ""


def test_texts_that_are_not_utf_8_are_shown_with_the_replacement_character(tmp_path: Path) -> None:
    texts = pa.array([b"Cr\xe8me", b"plain", None], pa.binary()).view(pa.string())
    table = pa.table({"a": texts, "b": texts, "st": ["ok"] * 3, "s": pa.array([1.0] * 3)})
    pq.write_table(table, tmp_path / "f.parquet")
    found = look(LocalFolder(str(tmp_path)), [DataFile("f.parquet", 3, 1)], WANTED)
    assert found.text1.tolist() == ["Cr\ufffdme", "plain", None]
