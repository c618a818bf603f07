"""The ledger: who came first, what is ours to delete, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.dataset import ledger
from semscore.jobs.dataset.lease import Lease
from semscore.jobs.dataset.ledger import DataFile, UnitRecord
from semscore.jobs.dataset.storage import Folder
from semscore.jobs.errors import OutputInUse, UserError

DATA = "part-0123456789ab-1-00000.zstd.parquet"
OURS = (
    "_SUCCESS",
    "_semscore/manifest.json",
    "_semscore/run.json",
    "_semscore/units/0123456789ab.json",
    "_semscore/staging/run/0123456789ab/k=1/part-00000-x.c000.zstd.parquet",
    DATA,
    f"k=1/{DATA}",
    f"K=a%2Fb/m=é b/{DATA}",
)


class Held(Lease):
    """A lease that nobody contests."""

    def require(self) -> None:
        pass


HELD = Held(Folder("/nowhere"), "r")


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "out"))


def fill(output: Folder, *paths: str) -> None:
    for path in paths:
        output.write(path, b"{}")


def left(output: Folder) -> list[str]:
    return [entry.path for entry in output.entries()]


def record(run: str = "r", **changes: Any) -> UnitRecord:
    fields: dict[str, Any] = {
        "id": "0123456789ab",
        "run": run,
        "fingerprint": "f",
        "sources": [{"path": "file:///é", "size": 1, "tag": "t", "rows": 2}],
        "files": [DataFile(f"k=1/{DATA}", 2, 100)],
        "rows": 2,
        "statuses": {"ok": 2},
        "started": "2024-01-01T00:00:00+00:00",
        "ended": "2024-01-01T00:00:01+00:00",
        "meters": {"rows": 2},
        "workers": {"host 1 cpu": 2},
        "hist": {"score": {3: 2}},
    }
    return UnitRecord(**fields | changes)


def test_nothing_and_an_empty_folder_are_empty(output: Folder) -> None:
    ledger.require_empty(output)
    output.local.mkdir()
    ledger.require_empty(output)
    (output.local / "a/b").mkdir(parents=True)
    ledger.require_empty(output)


@pytest.mark.parametrize("path", ["a.csv", ".hidden", "_SUCCESS", "k=1/x.parquet", "a#1"])
def test_any_file_makes_a_folder_not_empty(output: Folder, path: str) -> None:
    output.local.mkdir()
    (output.local / path).parent.mkdir(exist_ok=True)
    (output.local / path).touch()
    with pytest.raises(UserError, match=rf"holds other data \({path}\). Choose another OUTPUT$"):
        ledger.require_empty(output)


def test_a_dataset_of_ours_is_not_empty_but_can_be_replaced(output: Folder) -> None:
    fill(output, *OURS)
    match = "semscore wrote. Choose .* --mode resume, or replace .*--mode overwrite --yes$"
    with pytest.raises(UserError, match=match):
        ledger.require_empty(output)


def test_our_files_are_ours(output: Folder) -> None:
    fill(output, *OURS)
    assert {entry.path for entry in ledger.require_ours(output)} == set(OURS)


def test_nothing_is_ours_too(output: Folder) -> None:
    assert ledger.require_ours(output) == []


FOREIGN = [
    "notes.txt",
    ".hidden",
    "a#1",
    "data.parquet",
    "part-00000-7a1f.snappy.parquet",
    f"k=1/.{DATA}.crc",
    f"{DATA}.bak",
    f"x{DATA}",
    "part-0123456789AB-1-00000.zstd.parquet",
    "k=1/_SUCCESS",
    "other/_semscore/run.json",
    "_semscore2/run.json",
]


@pytest.mark.parametrize("path", FOREIGN)
def test_one_foreign_file_keeps_everything_from_being_deleted(output: Folder, path: str) -> None:
    fill(output, *OURS)
    (output.local / path).parent.mkdir(exist_ok=True, parents=True)
    (output.local / path).touch()
    match = rf"also holds {path}, which semscore did not write; move it away"
    with pytest.raises(UserError, match=match):
        ledger.remove_dataset(output, HELD, "r")
    assert set(left(output)) == {*OURS, path}


@pytest.mark.parametrize(
    "paths", [("a.parquet",), ("_SUCCESS",), (DATA, "_semscore/manifest.json")]
)
def test_a_folder_without_our_run_record_is_not_ours(
    output: Folder, paths: tuple[str, ...]
) -> None:
    fill(output, *paths)
    match = "holds data that semscore did not write .*nothing of it is deleted. Choose another"
    with pytest.raises(UserError, match=match):
        ledger.remove_dataset(output, HELD, "r")
    assert set(left(output)) == set(paths)


def test_removing_a_dataset_leaves_nothing_but_what_is_beside_it(
    output: Folder, tmp_path: Path
) -> None:
    fill(output, *OURS)
    (tmp_path / "beside.txt").touch()
    ledger.remove_dataset(output, HELD, "r")
    ledger.clear_remains(output, HELD)
    assert list(output.local.iterdir()) == []
    assert (tmp_path / "beside.txt").exists()
    ledger.require_empty(output)


def test_removing_nothing_is_fine(output: Folder) -> None:
    ledger.remove_dataset(output, HELD, "r")
    assert not output.local.exists()


@pytest.mark.parametrize("n_deleted", range(len(OURS) - 1))
def test_a_removal_broken_off_at_any_point_goes_on(
    output: Folder, monkeypatch: pytest.MonkeyPatch, n_deleted: int
) -> None:
    fill(output, *OURS)
    move, done = Folder.move, []

    def breaks_off(folder: Folder, source: str, target: str) -> bool:
        if len(done) == n_deleted:
            raise KeyboardInterrupt
        done.append(source)
        return move(folder, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "move", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            ledger.remove_dataset(output, HELD, "r")
    assert ledger.RUN in left(output)
    if n_deleted >= 2:
        assert not {ledger.SUCCESS, ledger.MANIFEST} & set(left(output))
    if "_semscore/units/0123456789ab.json" in left(output):
        assert f"k=1/{DATA}" in left(output)
    ledger.remove_dataset(output, HELD, "r")
    assert not [path for path in left(output) if not path.startswith(ledger.STAGING)]


def test_a_run_that_another_succeeded_deletes_nothing_more(
    output: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(output, *OURS)
    move = Folder.move

    def late(folder: Folder, source: str, target: str) -> bool:
        folder.delete_folder(ledger.STAGING)  # by the other
        return move(folder, source, target)

    monkeypatch.setattr(Folder, "move", late)
    with pytest.raises(FileNotFoundError):
        ledger.reopen(output, HELD, "r")
    assert {ledger.SUCCESS, ledger.MANIFEST} <= set(left(output))


def test_the_first_run_to_begin_has_the_folder(output: Folder) -> None:
    ledger.begin(output, HELD, {"run": "é"})
    with pytest.raises(
        OutputInUse, match=r"another run has begun to write to OUTPUT .*wait for it"
    ):
        ledger.begin(output, HELD, {"run": "late"})
    assert json.load(output.open(ledger.RUN)) == {"run": "é"}


def test_the_first_record_of_a_unit_wins(output: Folder) -> None:
    for run in ("first", "second"):
        ledger.draft(output, record(run))
    assert ledger.commit(output, record("first"))
    assert not ledger.commit(output, record("second"))
    stored = json.load(output.open("_semscore/units/0123456789ab.json"))
    assert stored["run"] == "first"
    assert stored["files"] == [{"path": f"k=1/{DATA}", "rows": 2, "bytes": 100}]
    assert stored["v"] == ledger.VERSION


def test_records_come_back_as_they_were_written(output: Folder) -> None:
    assert ledger.read_units(output) == []
    many = [record(id=f"{n:012x}", hist={"score": {3: n}}) for n in range(40)]
    for one in many:
        ledger.draft(output, one)
        ledger.commit(output, one)
    assert ledger.read_units(output) == many


def test_a_run_whose_staging_was_removed_cannot_commit(output: Folder) -> None:
    ledger.draft(output, record())
    assert ledger.clear_remains(output, HELD) == []
    with pytest.raises(FileNotFoundError):
        ledger.commit(output, record())
    assert ledger.read_units(output) == []


def test_what_others_left_unfinished_is_removed(output: Folder) -> None:
    stray = "k=1/part-ffffffffffff-1-00000.zstd.parquet"
    fill(output, ledger.RUN, f"k=1/{DATA}", stray, "_semscore/staging/dead/ffffffffffff/x.parquet")
    ledger.draft(output, record())
    ledger.commit(output, record())
    assert ledger.clear_remains(output, HELD) == [record()]
    assert left(output) == [ledger.RUN, "_semscore/units/0123456789ab.json", f"k=1/{DATA}"]


@pytest.mark.parametrize("place", ["lease/000000001.json", "staging/r/u/x.parquet", "model/a/b"])
def test_what_a_run_left_that_had_not_begun_is_nothing(output: Folder, place: str) -> None:
    fill(output, f"_semscore/{place}")
    ledger.require_empty(output)
    ledger.require_ours(output)


def test_a_finished_dataset_has_manifest_and_success_and_no_staging(output: Folder) -> None:
    fill(output, *OURS)
    ledger.finish(output, HELD, {"run": "run", "rows": 2})
    assert json.load(output.open(ledger.MANIFEST)) == {"run": "run", "rows": 2}
    assert not [path for path in left(output) if path.startswith("_semscore/staging")]
    assert ledger.SUCCESS in left(output)


def test_data_files_are_the_published_ones(output: Folder) -> None:
    fill(output, *OURS, "k=1/other.parquet", "part-0123456789ab-12-123456.zstd.parquet")
    assert [entry.path for entry in ledger.data_files(output)] == [
        f"K=a%2Fb/m=é b/{DATA}",
        f"k=1/{DATA}",
        DATA,
        "part-0123456789ab-12-123456.zstd.parquet",
    ]
