"""INPUT and OUTPUT, on a disk and on S3; and what a look at them leaves there: nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.diagnosis import check_disk as disk
from semscore.jobs.diagnosis.check_places import check_input, check_rights, check_target
from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Output, Rows
from semscore.jobs.spark.s3a import s3a_settings
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.stores.registry import Storage
from semscore.udfs.stores.s3_folder import S3Folder

Make = Callable[..., Settings]


def input_of(run: Settings, storage: Storage = Storage()) -> list[Finding]:
    return list(findings({"input": lambda: check_input(run, storage)}))


def output_of(run: Settings, storage: Storage = Storage()) -> list[Finding]:
    return list(findings({"output": lambda: check_target(run, storage)}))


def told(found: list[Finding]) -> dict[str, str]:
    return {one.check: one.level for one in found}


def test_an_input_as_it_should_be(settings: Make) -> None:
    found = input_of(settings())
    assert told(found) == {"input": "ok", "columns": "ok", "room": "ok"}
    assert "2 files" in found[0].found
    assert "4 rows in 2 footers" in found[0].found
    assert "text1, text2, n are kept" in found[1].found


def test_an_input_that_is_not_there(settings: Make) -> None:
    [found] = input_of(settings(inputs=("/no/where",)))
    assert (found.check, found.level) == ("input", "fail")
    assert "INPUT /no/where: there is no such file or folder" in found.found


def test_a_file_that_is_no_parquet(settings: Make, pairs: Path) -> None:
    (pairs / "c.parquet").write_bytes(b"PAR1 this is none")
    [found] = input_of(settings())
    assert (found.check, found.level) == ("input", "fail")
    assert found.fix.endswith("--bad-files skip")
    good, bad, *_ = input_of(settings(rows=Rows(bad_files="skip")))
    assert [good.level, bad.level] == ["ok", "warn"]
    assert "1 file unreadable, left out" in bad.found


def test_files_that_are_ignored_are_told(settings: Make, pairs: Path) -> None:
    (pairs / "readme.txt").touch()
    assert [one.level for one in input_of(settings())] == ["ok", "warn", "ok", "ok"]


def test_a_column_that_is_not_there_or_no_text(settings: Make) -> None:
    for columns, says in (
        (Columns(text1="texts1"), "column 'texts1' not found in INPUT (did you mean 'text1'?)"),
        (Columns(text2="n"), "column 'n' is int64, expected string"),
    ):
        _, found, _ = input_of(settings(columns=columns))
        assert (found.check, found.level) == ("columns", "fail")
        assert found.found.startswith(says)
        assert found.fix


def test_nanoseconds_are_told(settings: Make, tmp_path: Path) -> None:
    times = pa.array([1], pa.timestamp("ns"))
    path = tmp_path / "ns.parquet"
    pq.write_table(pa.table({"text1": ["a"], "text2": ["b"], "at": times}), path)
    found = input_of(settings(inputs=(str(path),)))
    assert [one.level for one in found] == ["ok", "ok", "warn", "ok"]


def test_a_disk_too_small_for_the_output(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    *_, room = input_of(settings())
    assert (room.check, room.level) == ("room", "warn")
    assert told(input_of(settings(rows=Rows(limit=1)))).keys() == {"input", "columns"}
    assert told(input_of(settings(target=Output(mode="resume")))).keys() == {"input", "columns"}


def test_an_output_is_tried_and_left_as_it_was(settings: Make, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert told(output_of(settings())) == {"output": "ok", "clock": "ok"}
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "new").mkdir()  # which is then somebody's own
    output_of(settings())
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "new"])


def test_data_in_an_output_is_not_touched(settings: Make, tmp_path: Path) -> None:
    home = tmp_path / "new" / "out" / "_semscore"
    home.mkdir(parents=True)
    (home / "run.json").write_text("{}")
    assert told(output_of(settings())) == {"output": "fail"}
    resumed = settings(target=Output(mode="resume"))
    assert told(output_of(resumed)) == {"output": "ok", "clock": "ok"}
    assert [path.name for path in (tmp_path / "new").rglob("*") if path.is_file()] == ["run.json"]


def test_an_output_that_cannot_be_written(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("/proc/out", str(tmp_path / "file" / "out")):
        [found] = output_of(settings(output=place))
        assert (found.check, found.level) == ("output", "fail")


def test_a_step_that_is_refused_fails_and_the_object_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = LocalFolder(str(tmp_path / "out"))
    for step in ("read", "entries", "modified"):
        with monkeypatch.context() as patch:
            refuse = StorageError(f"{step} is denied")

            def denied(*_: Any, refuse: StorageError = refuse) -> None:
                raise refuse

            patch.setattr(LocalFolder, step, denied)
            [found] = findings({"output": lambda: check_rights(output)})
        assert (found.level, found.found) == ("fail", f"{step} is denied")
        assert list(tmp_path.iterdir()) == []


def test_a_storage_that_gives_back_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalFolder, "read", lambda *_: b"else")
    output = LocalFolder(str(tmp_path))
    [found] = findings({"output": lambda: check_rights(output)})
    assert "was written, but its content reads differently" in found.found


@pytest.mark.parametrize(
    ("ahead", "level", "says"),
    [
        (0, "ok", "0 s"),
        (100, "ok", "100 s ahead"),
        (900, "warn", "900 s ahead"),
        (-900, "warn", "900 s behind"),
    ],
)
def test_a_clock_that_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, level: str, says: str
) -> None:
    """A file server's, which sets the times of files."""
    monkeypatch.setattr(
        LocalFolder, "modified", lambda self, path: (self.local / path).stat().st_mtime + ahead
    )
    _, clock = check_rights(LocalFolder(str(tmp_path)))
    assert (clock.check, clock.level) == ("clock", level)
    assert says in clock.found


def test_a_bucket_is_tried_and_left_as_it_was(settings: Make, bucket: Any, pairs: Path) -> None:
    for file in pairs.iterdir():
        bucket.upload_file(str(file), "pairs", f"in/{file.name}")
    run = settings(inputs=("s3://pairs/in",), output="s3://pairs/out")
    storage = Storage(s3a_settings((*run.inputs, run.output), {}, None))
    assert told(input_of(run, storage)) == {"input": "ok", "columns": "ok"}
    assert told(output_of(run, storage)) == {"output": "ok", "clock": "ok"}
    keys = [item["Key"] for item in bucket.list_objects_v2(Bucket="pairs")["Contents"]]
    assert keys == ["in/a.parquet", "in/b.parquet"]
    assert not bucket.list_multipart_uploads(Bucket="pairs").get("Uploads")


def test_a_buckets_clock_is_told(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(s3a_settings(("s3://pairs/in", "s3://pairs/o"), {}, None))
    output = storage.folder("s3://pairs/o")
    now = time.time()
    monkeypatch.setattr("semscore.jobs.diagnosis.check_places.time", lambda: now - 1200)
    _, clock = check_rights(output)
    assert clock.level == "warn"
    assert "ahead of this" in clock.found


def test_a_bucket_that_is_not_there_or_refuses_deletions(
    settings: Make, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = settings(output="s3://other/out")
    storage = Storage(s3a_settings((*run.inputs, run.output), {}, None))
    [found] = output_of(run, storage)
    assert "bucket 'other' does not exist" in found.found

    def denied(self: S3Folder, paths: Any) -> None:
        raise StorageError(f"{self.full(next(iter(paths)))} could not be deleted: AccessDenied")

    monkeypatch.setattr(S3Folder, "delete", denied)
    [found] = output_of(settings(output="s3://pairs/out"), storage)
    assert found.level == "fail"
    assert "could not be deleted: AccessDenied" in found.found
