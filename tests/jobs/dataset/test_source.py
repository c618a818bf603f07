"""The input: which files belong to it, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.listing import BadFile, CountedFile
from semscore.jobs.dataset.reading import read_source
from semscore.udfs.errors import UserError

Write = Callable[..., Path]

ODD_FOLDERS = [
    "k=007",
    "k=a%2Fb",
    "k=a b",
    "k=[x]{y}",
    "k=é",
    "k=日本",
    "k=50%",
    "k=a#1",
    "k=a?b*",
    "k=a=b",
    "k=_x",
    "k=.x",
    "k=tab\tx",
    "k=__HIVE_DEFAULT_PARTITION__",
]


def paths(*inputs: Path, **options: Any) -> list[str]:
    return [file.path for file in read_source([str(given) for given in inputs], **options).files]


def test_files_are_found_at_any_depth_and_sorted(write: Write, tmp_path: Path) -> None:
    for name in ("b/c/2.parquet", "1.parquet", "b/1.PARQUET", "a/3.pq", "a/4.parq", "000000_0"):
        write(name)
    found = paths(tmp_path)
    assert found == ["000000_0", "1.parquet", "a/3.pq", "a/4.parq", "b/1.PARQUET", "b/c/2.parquet"]


def test_hidden_files_are_no_input(write: Write, tmp_path: Path) -> None:
    write("a.parquet")
    for name in ("_SUCCESS", ".a.parquet.crc", "_semscore/x.parquet", "_temporary/0/y.parquet"):
        write(name)
    write(".hidden/z.parquet")
    assert paths(tmp_path) == ["a.parquet"]


def test_a_folder_that_begins_with_an_underscore_may_be_a_partition(
    write: Write, tmp_path: Path
) -> None:
    write("_k=1/a.parquet")
    source = read_source([str(tmp_path)])
    assert source.partition_columns == ("_k",)


def test_other_files_are_ignored_and_named(write: Write, tmp_path: Path) -> None:
    write("a.parquet")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a.parquet.gz").write_text("x")
    source = read_source([str(tmp_path)])
    assert source.ignored == (str(tmp_path / "a.parquet.gz"), str(tmp_path / "notes.txt"))


def test_partition_folders_keep_their_odd_names(write: Write, tmp_path: Path) -> None:
    for folder in ODD_FOLDERS:
        write(f"{folder}/a b[1]#.parquet")
    source = read_source([str(tmp_path)])
    assert [file.path for file in source.files] == sorted(
        f"{folder}/a b[1]#.parquet" for folder in ODD_FOLDERS
    )
    assert source.partition_columns == ("k",)
    assert source.columns == ("text1", "text2", "k")
    assert "k" in source.strings


def test_partitions_may_be_nested(write: Write, tmp_path: Path) -> None:
    write("year=2024/k=a/x.parquet")
    write("year=2025/k=b/x.parquet")
    assert read_source([str(tmp_path)]).partition_columns == ("year", "k")


def test_an_escaped_partition_column_is_called_as_spark_calls_it(
    write: Write, tmp_path: Path
) -> None:
    write("a%20b=1/x.parquet")
    assert read_source([str(tmp_path)]).partition_columns == ("a b",)


@pytest.mark.parametrize("folder", ["k=", "=1", "k=1/k=2"])
def test_folders_that_spark_takes_for_broken_partitions_are_refused(
    write: Write, tmp_path: Path, folder: str
) -> None:
    write(f"{folder}/x.parquet")
    with pytest.raises(UserError, match=f"{folder}/x.parquet is in .*named column=value"):
        read_source([str(tmp_path)])


@pytest.mark.parametrize("folder", ["plain/k=1", "k=1/plain"])
def test_plain_folders_among_partition_folders_are_refused(
    write: Write, tmp_path: Path, folder: str
) -> None:
    write(f"{folder}/x.parquet")
    with pytest.raises(UserError, match=r"both plain and partition .* folders\. Use the folder"):
        read_source([str(tmp_path)])


def test_different_partition_columns_are_refused_naming_two_files(
    write: Write, tmp_path: Path
) -> None:
    write("k=1/x.parquet")
    write("m=1/y.parquet")
    match = "partition columns differ: k for .*k=1/x.parquet, m for .*m=1/y.parquet"
    with pytest.raises(UserError, match=match):
        read_source([str(tmp_path)])


def test_a_column_in_files_and_folder_names_is_refused(write: Write, tmp_path: Path) -> None:
    write("text1=1/x.parquet")
    with pytest.raises(UserError, match="column 'text1' is both in the files and in the folder"):
        read_source([str(tmp_path)])


def test_several_inputs_may_be_files_and_folders(write: Write, tmp_path: Path) -> None:
    write("a/1.parquet", rows=1)
    write("b/2.parquet", rows=2)
    write("b/3.parquet", rows=4)
    source = read_source([str(tmp_path / "b/3.parquet"), str(tmp_path / "a")])
    assert [file.url for file in source.files] == [
        f"file://{tmp_path}/a/1.parquet",
        f"file://{tmp_path}/b/3.parquet",
    ]
    assert source.rows == 5


@pytest.mark.parametrize(
    "inputs",
    [("in", "in"), ("in", "in/k=1/a.parquet"), ("in/k=1", "in"), ("link", "in"), ("./in/", "in")],
)
def test_a_file_given_twice_counts_once_under_the_outer_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: tuple[str, ...]
) -> None:
    write("in/k=1/a.parquet")
    write("in/k=2/b.parquet")
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    source = read_source(inputs)
    assert [(file.root, file.path) for file in source.files] == [
        (f"file://{tmp_path}/in", "k=1/a.parquet"),
        (f"file://{tmp_path}/in", "k=2/b.parquet"),
    ]


def test_a_file_has_the_same_tag_by_itself_and_in_its_folder(write: Write, tmp_path: Path) -> None:
    file = write("in/a.parquet")
    assert read_source([str(file)]).files == read_source([str(file.parent)]).files


def test_inputs_may_be_links_to_files_and_folders(write: Write, tmp_path: Path) -> None:
    write("far/a.parquet")
    write("in/b.parquet")
    (tmp_path / "in/more").symlink_to("../far")
    (tmp_path / "in/c.parquet").symlink_to("../far/a.parquet")
    assert paths(tmp_path / "in") == ["b.parquet", "c.parquet", "more/a.parquet"]


def test_a_broken_link_is_an_unreadable_file(write: Write, tmp_path: Path) -> None:
    write("in/a.parquet")
    (tmp_path / "in/b.parquet").symlink_to("nowhere.parquet")
    with pytest.raises(UserError, match=r"in/b.parquet cannot be read .*: No such file"):
        read_source([str(tmp_path / "in")])


def test_links_that_go_round_are_refused(write: Write, tmp_path: Path) -> None:
    write("in/a.parquet")
    (tmp_path / "in/loop").symlink_to("..")
    with pytest.raises(UserError, match=r"cannot be listed: .*symbolic links: .*in/loop"):
        read_source([str(tmp_path / "in")])


def test_names_that_look_like_anothers_temporary_files_are_read(
    write: Write, tmp_path: Path
) -> None:
    write("part#1")
    assert paths(tmp_path) == ["part#1"]


def test_a_file_without_rows_is_a_file(write: Write, tmp_path: Path) -> None:
    write("a.parquet", rows=0)
    write("b.parquet", rows=3)
    source = read_source([str(tmp_path)])
    assert [source.counts[file.url][0] for file in source.files] == [0, 3]
    assert source.rows == 3


def test_a_dataset_may_have_no_rows_at_all(write: Write, tmp_path: Path) -> None:
    write("a.parquet", rows=0)
    assert read_source([str(tmp_path)]).rows == 0


def test_row_bytes_are_those_of_the_file_with_the_longest_rows(
    write: Write, tmp_path: Path
) -> None:
    plain = {"use_dictionary": False}
    write("a.parquet", writer=plain, x=["s" * 10] * 2)
    write("b.parquet", writer=plain, x=["s" * 5000] * 2)
    assert 5000 <= read_source([str(tmp_path)]).row_bytes["x"] < 5100


def test_without_any_rows_columns_without_a_type_may_be_text(tmp_path: Path) -> None:
    for name in "ab":
        table = pa.table({"text1": pa.nulls(0), "n": pa.array([], pa.int64())})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    source = read_source([str(tmp_path)])
    assert source.strings == source.typeless == {"text1"}


def test_a_column_whose_name_has_a_dot_is_no_field(write: Write, tmp_path: Path) -> None:
    write("a.parquet", **{"a.b": [1, 2], "a": [{"b": "x"}] * 2})
    source = read_source([str(tmp_path)])
    assert source.row_bytes.keys() == {"text1", "text2", "a.b", "a"}


def test_files_that_spark_cannot_read_are_named_or_set_aside(write: Write, tmp_path: Path) -> None:
    write("a.parquet")
    bad = write("b.parquet", writer={"compression": "brotli"})
    with pytest.raises(UserError, match=f"{bad} cannot be read by Spark: column 'text1' is compr"):
        read_source([str(tmp_path)])
    source = read_source([str(tmp_path)], skip_bad_files=True)
    reason = "Spark cannot read it: column 'text1' is compressed with brotli"
    assert source.skipped == (BadFile(str(bad), reason),)
    assert [file.path for file in source.files] == ["a.parquet"]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([1, 2], pa.time32("ms")), "'x' is a time of day. Cast it to a timestamp"),
        (pa.array([1, 2], pa.time64("ns")), "'x' is a time of day"),
        (pa.array([1, 2], pa.float32()).cast(pa.float16()), "'x' is a 16-bit float.*float32"),
        (pa.array([b"0" * 16] * 2, pa.uuid()), "'x' is a UUID. Cast it to a string"),
        (pa.array([[1], [2]], pa.list_(pa.time32("ms"))), "'x.element' is a time of day"),
        (
            pa.array([[1], [2]], pa.list_(pa.timestamp("ns"))),
            "'x.element' is a timestamp in nanoseconds inside .*coerce_timestamps='us'",
        ),
        (
            pa.array([1, 2], pa.decimal256(39, 2)),
            "'x' is a decimal of 39 digits .Spark reads at most 38",
        ),
    ],
    ids=str,
)
def test_types_that_spark_cannot_read_are_refused_with_a_way_out(
    write: Write, tmp_path: Path, column: pa.Array, says: str
) -> None:
    write("a.parquet", x=column)
    with pytest.raises(UserError, match=says):
        read_source([str(tmp_path)])


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["text1", "text2", "text1"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"2 columns have the name 'text1'\. Rename all but one"):
        read_source([str(tmp_path)])


def test_timestamps_in_nanoseconds_are_noted_with_their_zone(write: Write, tmp_path: Path) -> None:
    write(
        "a.parquet",
        local=pa.array([1, 2], pa.timestamp("ns")),
        utc=pa.array([1, 2], pa.timestamp("ns", "Asia/Tokyo")),
        fine=pa.array([1, 2], pa.timestamp("us")),
    )
    assert read_source([str(tmp_path)]).nanoseconds == {"local": False, "utc": True}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"hello", "file size is 5 bytes"),
        (b"x" * 1000, "magic bytes not found"),
        (b"PAR1PAR1", "it is truncated"),
        (b"PAR1" + b"\x0f" * 100 + b"\x64\0\0\0PAR1", "thrift"),
    ],
)
def test_files_that_are_no_parquet_are_named_with_the_reason(
    write: Write, tmp_path: Path, content: bytes, reason: str
) -> None:
    write("a.parquet")
    bad = tmp_path / "b.parquet"
    bad.write_bytes(content)
    with pytest.raises(UserError, match=f"{bad} cannot be read as parquet: .*{reason}") as raised:
        read_source([str(tmp_path)])
    assert str(raised.value).isprintable()
    assert ".." not in str(raised.value)
    source = read_source([str(tmp_path)], skip_bad_files=True)
    assert [file.path for file in source.files] == ["a.parquet"]
    assert [file.path for file in source.skipped] == [str(bad)]
    assert re.search(reason, source.skipped[0].reason)


def test_a_colon_in_a_file_name_is_refused_since_spark_cannot_open_it(
    write: Write, tmp_path: Path
) -> None:
    write("at=10:00/a.parquet")
    assert read_source([str(tmp_path)]).rows == 2
    write("at=10:00/b:c.parquet")
    with pytest.raises(
        UserError, match=r"b:c.parquet cannot be read .*: Spark cannot open .*colon"
    ):
        read_source([str(tmp_path)])


def test_skipping_every_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").touch()
    with pytest.raises(
        UserError, match=r"none of its parquet files .*\(1 file\).*a.parquet: it is empty"
    ):
        read_source([str(tmp_path)], skip_bad_files=True)


@pytest.mark.parametrize("name", ["_a.parquet", ".a.parquet"])
def test_a_hidden_file_as_input_is_refused_since_spark_passes_it_over(
    write: Write, name: str
) -> None:
    with pytest.raises(UserError, match=f"{name}: Spark ignores files whose names begin with"):
        read_source([str(write(name))])


def test_a_hidden_folder_may_be_input(write: Write, tmp_path: Path) -> None:
    write("_staged/a.parquet")
    assert paths(tmp_path / "_staged") == ["a.parquet"]


def test_an_input_that_holds_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: there is no such file or folder"):
        read_source([str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match=r"the folder is empty$"):
        read_source([str(tmp_path)])
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(UserError, match=r"the folder is empty except for hidden files: _SUCCESS$"):
        read_source([str(tmp_path)])
    for n in range(22):
        (tmp_path / f"{n:02}.csv").touch()
    with pytest.raises(
        UserError, match=r"contains no parquet files, only 00.csv, .*19.csv and 2 more"
    ):
        read_source([str(tmp_path)])


def test_a_folder_that_may_not_be_listed_is_refused(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a/b.parquet")

    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("semscore.udfs.stores.local_folder.os.scandir", refuse)
    with pytest.raises(UserError, match=f"INPUT {tmp_path} cannot be listed: .*Permission denied"):
        read_source([str(tmp_path)])


@pytest.fixture
def few_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.reading.AT_FIRST", 4)


def test_of_very_many_files_the_rest_is_counted_as_it_is_asked_for(
    few_at_first: None, write: Write, tmp_path: Path
) -> None:
    for number in range(20):
        write(f"{number:02}.parquet", rows=number)
    source = read_source([str(tmp_path)])
    assert len(source.files) == 20
    assert [Path(url).name for url in source.counts] == [f"{n:02}.parquet" for n in (0, 5, 10, 15)]
    counted = list(source.counted(source.files[3:8]))
    assert [(file.path, file.rows) for file in counted if isinstance(file, CountedFile)] == [
        (f"{n:02}.parquet", n) for n in range(3, 8)
    ]
    assert source.rows == 0 + 5 + 10 + 15 + 3 + 4 + 6 + 7


def test_where_all_files_at_first_are_empty_the_others_are_looked_at_too(
    few_at_first: None, write: Write, tmp_path: Path
) -> None:
    for number in range(20):
        pq.write_table(pa.table({"text1": pa.nulls(0)}), tmp_path / f"{number:02}.parquet")
    write("07.parquet")
    source = read_source([str(tmp_path)])
    assert (len(source.counts), source.columns) == (20, ("text1", "text2"))


def test_what_is_found_late_sets_one_file_aside(
    few_at_first: None, write: Write, tmp_path: Path
) -> None:
    for number in range(20):
        write(f"{number:02}.parquet")
    write("07.parquet", extra=[1, 2])
    (tmp_path / "09.parquet").write_bytes(b"PAR1 cut o")
    write("11.parquet", text1=["long " * 1000] * 2)
    write("13.parquet", writer={"compression": "brotli"})
    pq.write_table(pa.table({"text1": pa.nulls(0)}), tmp_path / "14.parquet")
    source = read_source([str(tmp_path)])
    before = source.row_bytes["text1"]
    counted = list(source.counted(source.files))
    bad = {Path(file.path).name: file.reason for file in counted if isinstance(file, BadFile)}
    assert set(bad) == {"07.parquet", "09.parquet", "13.parquet"}
    assert "compressed with brotli" in bad["13.parquet"]
    assert "column 'extra' is in" in bad["07.parquet"]
    assert source.rows == 32
    assert source.row_bytes["text1"] > max(before, 2000)
