"""Files that Spark cannot read: found by what it names, else by reading fewer files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from semscore.jobs.dataset import sifting
from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.sifting import NoneReadable, blamed, named, sift
from semscore.udfs.errors import OutputInUse
from semscore.udfs.stores.folder import StorageError

ROOT = "file:///in"


def file(name: str) -> SourceFile:
    return SourceFile(ROOT, name, 1, "t")


def reader(bad: set[str], says: str) -> tuple[Callable[[Sequence[SourceFile]], None], list[int]]:
    """A Spark that fails on the first bad file that it meets, and how many files it was given."""
    asked: list[int] = []

    def read(files: Sequence[SourceFile]) -> None:
        asked.append(len(files))
        for one in files:
            if one.path in bad:
                raise RuntimeError(says.format(one.url))

    return read, asked


@pytest.mark.parametrize("says", ["Encountered error while reading file {}. Details:", "a codec"])
@pytest.mark.parametrize("bad", [set(), {"3"}, {"0", "9"}, {"2", "3", "5", "8"}, set("0123456789")])
def test_bad_files_alone_are_found_whether_they_are_named_or_not(says: str, bad: set[str]) -> None:
    read, _ = reader(bad, says)
    found = sift([file(str(n)) for n in range(10)], read)
    assert sorted(one.path for one in found) == sorted(f"{ROOT}/{name}" for name in bad)
    assert all(one.reason.startswith("Spark cannot read it: ") for one in found)


def test_a_named_file_costs_one_more_look() -> None:
    read, asked = reader({"70"}, "in file {}")
    sift([file(str(n)) for n in range(100)], read)
    assert asked == [100, 99]


def test_many_bad_files_among_good_ones_are_all_found() -> None:
    bad = {str(n) for n in range(0, 400, 4)}
    for says in ("in file {}", "no name"):
        read, _ = reader(bad, says)
        assert {
            one.path.rpartition("/")[2] for one in sift([file(str(n)) for n in range(400)], read)
        } == bad


def test_where_nothing_can_be_read_it_soon_gives_up() -> None:
    read, asked = reader({str(n) for n in range(2000)}, "in file {}")
    with pytest.raises(
        NoneReadable, match=r"any of many files. For example, file:///in/0: .*in file"
    ):
        sift([file(str(n)) for n in range(2000)], read)
    assert len(asked) == sifting.LOOKS


def test_an_error_of_the_run_and_its_end_go_through() -> None:
    def taken_over(_: Sequence[SourceFile]) -> None:
        raise OutputInUse("another run")

    def denied(_: Sequence[SourceFile]) -> None:
        raise StorageError("s3://out/_semscore/lease: these AWS credentials are denied access")

    with pytest.raises(OutputInUse):
        sift([file("a"), file("b")], taken_over)
    with pytest.raises(StorageError):
        sift([file("a"), file("b")], denied)
    read, asked = reader({"a"}, "in file {}")
    with pytest.raises(RuntimeError):
        sift([file("a"), file("b")], read, lambda: True)
    assert asked == [2]


ODD = "/d/ö ä[1]#%20,x.parquet"


@pytest.mark.parametrize(
    "text",
    [
        "Encountered error while reading file file:///d/ö%20ä%5B1%5D%23%2520,x.parquet. Details:",
        "Can not read value at 1 in block 0 in file file:/d/ö ä[1]#%20,x.parquet",
        "Could not read footer for file: file:/d/ö ä[1]#%20,x.parquet. Please ensure",
        "Checksum error: file:/d/ö ä[1]#%20,x.parquet at 0 exp: 1 got: 2",
        "cannot be converted in file file:///d/ö%20ä%5B1%5D%23%2520,x.parquet. Column: [x]",
        "File file:/d/ö ä[1]#%20,x.parquet does not exist",
        "/d/ö ä[1]#%20,x.parquet (Permission denied)",
        "[PATH_NOT_FOUND] Path does not exist: file:/d/ö ä[1]#%20,x.parquet.",
    ],
)
def test_a_file_is_known_in_each_spelling_of_java(text: str) -> None:
    urls = [f"file://{ODD}", "file:///d/x.parquet", "file:///other" + ODD]
    assert named(text, urls) == {f"file://{ODD}"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("in file file:/d/a.parquet", {"a.parquet"}),
        ("in file file:/d/a", {"a"}),
        ("in file file:/d/a. Details", {"a"}),
        ("in file file:/e/d/a", set()),
        ("in file hdfs:/d/a", set()),
        ("in file file:/d/a/b", set()),
        ("in file file:/d/a%20b", {"a b", "a%20b"}),  # which one, only Spark knows
        ("file:/d/a, file:/d/b", {"a", "b"}),
        ("Python worker exited unexpectedly", set()),
    ],
)
def test_no_other_file_is_taken_for_it(text: str, names: set[str]) -> None:
    known = ["a", "b", "a.parquet", "a b", "a%20b"]
    assert named(text, [f"file:///d/{name}" for name in known]) == {
        f"file:///d/{name}" for name in names
    }


def test_a_key_on_s3_is_known() -> None:
    url = "s3a://bucket/k=a b/x.parquet"
    assert named("reading file s3a://bucket/k=a%20b/x.parquet. D", [url]) == {url}
    assert named("s3a://other-bucket/k=a b/x.parquet", [url]) == set()


class Java:
    """An exception of Java's, as py4j shows it."""

    def __init__(self, message: str | None, cause: Any = None) -> None:
        self.getMessage, self.getCause = lambda: message, lambda: cause


def test_the_outermost_text_that_names_a_file_counts() -> None:
    error = RuntimeError("An error occurred while calling o1.save.")
    error.java_exception = Java(None, Java("Job aborted", Java("in file file:/in/b")))  # type: ignore[attr-defined]
    assert blamed(error, [file("a"), file("b")]) == {f"{ROOT}/b"}


def test_causes_that_go_round_end() -> None:
    java = Java("x")
    java.getCause = lambda: java
    error = RuntimeError("y")
    error.java_exception = java  # type: ignore[attr-defined]
    assert blamed(error, [file("a")]) == set()
