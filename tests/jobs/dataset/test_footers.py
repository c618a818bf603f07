"""Footers: what a file says of itself, and when two files say the same."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest

from semscore.jobs.dataset import footers
from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.udfs.stores.folder import Entry, HasChanged, StorageError
from semscore.udfs.stores.local_folder import LocalFolder

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


class Keys(encryption.KmsClient):
    """Keys that are wrapped by nothing."""

    def __init__(self, config: object) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, master: str) -> bytes:
        return base64.b64encode(key)

    def unwrap_key(self, key: bytes, master: str) -> bytes:
        return base64.b64decode(key)


@pytest.mark.parametrize(
    ("plain", "says"), [(True, "some of its columns are encrypted"), (False, "it is encrypted")]
)
def test_an_encrypted_file_is_unreadable(tmp_path: Path, plain: bool, says: str) -> None:
    """Pyarrow would end the process when it is asked about an encrypted column."""
    config = encryption.EncryptionConfiguration(
        footer_key="f", column_keys={"k": ["id"]}, plaintext_footer=plain
    )
    properties = encryption.CryptoFactory(Keys).file_encryption_properties(
        encryption.KmsConnectionConfig(), config
    )
    table = pa.table({"text1": ["a"], "id": [1]})
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    folder = LocalFolder(str(tmp_path))
    assert list(read_footers(folder, folder.entries())) == [Unreadable(says)]


def test_a_footer_larger_than_the_first_piece_is_read_whole(write: Write) -> None:
    columns = {f"a column with a long name {n}": [1, 2] for n in range(1500)}
    path = write("a.parquet", **columns)
    assert pq.read_metadata(path).serialized_size > footers.TAIL
    assert len(footer(path).leaves) == 1502


def obstacles(path: Path) -> list[str]:
    return [obstacle.what for obstacle in footer(path).obstacles]


@pytest.mark.parametrize("codec", ["lz4", "gzip", "zstd", "snappy", "none"])
def test_codecs_that_spark_has_are_no_obstacle(write: Write, codec: str) -> None:
    assert obstacles(write("a.parquet", writer={"compression": codec})) == []


def test_a_codec_that_spark_lacks_is_named_once_for_each_column(write: Write) -> None:
    writer = {"compression": {"text1": "snappy", "text2": "brotli"}, "row_group_size": 1}
    assert obstacles(write("a.parquet", writer=writer)) == [
        "column 'text2' is compressed with brotli"
    ]


def test_an_encoding_is_read_by_rows_or_not_at_all(write: Write) -> None:
    kinds = {"double": pa.float64(), "float": pa.float32(), "int": pa.int32(), "long": pa.int64()}
    columns = {name: pa.array([1, 2], kind) for name, kind in kinds.items()}
    encodings = {"column_encoding": dict.fromkeys(columns, "BYTE_STREAM_SPLIT")}
    path = write("a.parquet", writer={"use_dictionary": False} | encodings, **columns)
    assert footer(path).by_rows == {"double", "float"}
    assert obstacles(path) == [
        "column 'int' is INT32 in the encoding BYTE_STREAM_SPLIT",
        "column 'long' is INT64 in the encoding BYTE_STREAM_SPLIT",
    ]


LAST = (2**63 - 1) // 1000


@pytest.mark.parametrize(
    ("value", "unit", "far"),
    [
        (LAST, "ms", False),
        (-LAST, "ms", False),
        (LAST + 1, "ms", True),
        (-LAST - 1, "ms", True),
        (-(2**63), "ms", True),
        (2**63 - 1, "us", False),
        (2**63 - 1, "ns", False),
    ],
)
def test_milliseconds_that_overflow_are_seen(
    write: Write, value: int, unit: str, far: bool
) -> None:
    path = write("a.parquet", x=pa.array([0, value], pa.timestamp(unit)))
    assert bool(obstacles(path)) is far
    quiet = {"write_statistics": False}
    assert (
        obstacles(write("b.parquet", writer=quiet, x=pa.array([0, value], pa.timestamp(unit))))
        == []
    )


def test_row_groups_without_rows_say_nothing(tmp_path: Path) -> None:
    schema = pa.schema([("x", pa.string())])
    with pq.ParquetWriter(tmp_path / "a.parquet", schema, compression="brotli") as writer:
        writer.write_table(pa.table({"x": pa.array([], pa.string())}))
    found = footer(tmp_path / "a.parquet")
    assert (found.rows, found.obstacles, found.row_bytes) == (0, (), {"x": 0})
