"""Footers: what a file says of itself, and when two files say the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from semscore.jobs.dataset import footers
from semscore.jobs.dataset.folder import Entry, HasChanged, StorageError
from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.jobs.dataset.local_folder import LocalFolder

Write = Callable[..., Path]


def footer(path: Path) -> Footer:
    folder = LocalFolder(str(path.parent))
    (found,) = read_footers(folder, [folder.entry(path.name)])
    assert isinstance(found, Footer)
    return found


def test_rows_and_row_groups_are_counted(write: Write) -> None:
    found = footer(write("a.parquet", rows=10, writer={"row_group_size": 4}))
    assert (found.rows, found.row_groups) == (10, 3)


def test_footers_come_in_the_order_of_their_files(write: Write, tmp_path: Path) -> None:
    for rows in range(40):
        write(f"{rows:02}.parquet", rows=rows)
    folder = LocalFolder(str(tmp_path))
    found = read_footers(folder, folder.entries())
    assert [f.rows for f in found if isinstance(f, Footer)] == list(range(40))


def test_text_columns_are_known_whatever_their_encoding(write: Write) -> None:
    words = pa.array(["a", "b"])
    found = footer(
        write(
            "a.parquet",
            large=words.cast(pa.large_string()),
            view=words.cast(pa.string_view()),
            coded=words.dictionary_encode(),
            number=[1, 2],
            coded_number=pa.array([1, 2]).dictionary_encode(),
            raw=words.cast(pa.binary()),
            words=[["a"], ["b"]],
        )
    )
    assert found.strings == {"text1", "text2", "large", "view", "coded"}


def test_types_are_those_of_whole_columns_and_leaves_those_of_their_parts(write: Write) -> None:
    found = footer(write("a.parquet", **{"a.b": [1, 2], "s": [{"x": 1, "y": ["z"]}] * 2}))
    assert found.types["a.b"] == "int64"
    assert found.types["s"] == "struct<x: int64, y: list<element: string>>"
    assert [leaf.path for leaf in found.leaves] == [
        ("text1",),
        ("text2",),
        ("a.b",),
        ("s", "x"),
        ("s", "y", "element"),
    ]


def test_row_bytes_are_those_of_the_largest_row_group(write: Write) -> None:
    plain = {"use_dictionary": False, "row_group_size": 1, "write_statistics": False}
    found = footer(write("a.parquet", writer=plain, x=["s", "s" * 3000]))
    assert 3000 <= found.row_bytes["x"] < 3100


def test_a_file_without_rows_has_a_footer(write: Write) -> None:
    found = footer(write("a.parquet", rows=0))
    assert found.rows == 0
    assert found.strings == {"text1", "text2"}


def test_an_unreadable_file_is_a_value_not_an_exception(write: Write, tmp_path: Path) -> None:
    write("a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    (tmp_path / "c.parquet").symlink_to("nowhere")
    (tmp_path / "d.parquet").touch()
    folder = LocalFolder(str(tmp_path))
    good, *bad = read_footers(folder, folder.entries())
    assert isinstance(good, Footer)
    assert [unreadable.reason for unreadable in bad if isinstance(unreadable, Unreadable)] == [
        "Parquet magic bytes not found in footer. Either the file is corrupted or this is not a "
        "parquet file",
        "No such file or directory",
        "it is empty",
    ]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "/x"), "Permission denied"),
        (OSError("Corrupt snappy\ncompressed data."), "Corrupt snappy compressed data"),
        (pa.ArrowInvalid("unknown type: \x0f."), "unknown type"),
    ],
)
def test_a_reason_is_one_printable_line_without_a_full_stop(error: Exception, says: str) -> None:
    assert footers.reason(error) == says


def test_a_storage_that_fails_says_nothing_of_its_files(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.parquet")
    folder = LocalFolder(str(tmp_path))

    def fails(folder: LocalFolder, entry: Entry) -> None:
        raise StorageError("S3 is away")

    monkeypatch.setattr(LocalFolder, "open", fails)
    with pytest.raises(StorageError, match="S3 is away"):
        list(read_footers(folder, folder.entries()))


def test_a_file_that_changes_meanwhile_is_unreadable(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.parquet")
    folder = LocalFolder(str(tmp_path))

    def fails(folder: LocalFolder, entry: Entry) -> None:
        raise HasChanged("a.parquet has changed since it was listed")

    monkeypatch.setattr(LocalFolder, "open", fails)
    [found] = read_footers(folder, folder.entries())
    assert found == Unreadable("a.parquet has changed since it was listed")
