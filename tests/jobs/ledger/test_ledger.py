"""The ledger: who came first, what is ours to delete, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.ledger import ledger, packs
from semscore.jobs.ledger.committed import VERSION, DataFile, UnitRecord, read_records
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.withdraw import unless_refused
from semscore.udfs.errors import OutputInUse, UserError
from semscore.udfs.stores.folder import Entry, StorageError
from semscore.udfs.stores.local_folder import LocalFolder, as_it_was

DATA = "part-0123456789ab-1-00000.zstd.parquet"
OURS = (
    "_SUCCESS",
    "_semscore/manifest.json",
    "_semscore/run.json",
    "_semscore/units/0123456789ab-1.json",
    "_semscore/staging/run/0123456789ab/k=1/part-00000-x.c000.zstd.parquet",
    DATA,
    f"k=1/{DATA}",
    f"K=a%2Fb/m=é b/{DATA}",
)


class Held(Lease):
    """A lease that nobody contests."""

    def require(self) -> None:
        pass


def held(output: LocalFolder, number: int = 1) -> Lease:
    lease = Held(output, "r")
    lease.number = number
    return lease


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    return LocalFolder(str(tmp_path / "out"))


def fill(output: LocalFolder, *paths: str) -> None:
    for path in paths:
        output.write(path, b"{}")


def left(output: LocalFolder) -> list[str]:
    return [entry.path for entry in output.entries()]


def record(run: str = "r", **changes: Any) -> UnitRecord:
    fields: dict[str, Any] = {
        "id": "0123456789ab",
        "run": run,
        "lease": 1,
        "fingerprint": "f",
        "sources": [{"path": "file:///é", "size": 1, "tag": "t", "rows": 2}],
        "files": [DataFile(f"k=1/{DATA}", 2, 100)],
        "rows": 2,
        "statuses": {"ok": 2},
        "started": "2024-01-01T00:00:00+00:00",
        "ended": "2024-01-01T00:00:01+00:00",
        "meters": {"rows": 2},
        "workers": {"host 1 cpu torch": {"rows": 2}},
        "hardware": {"a CPU": 2},
        "hist": {"score": {3: 2}},
    }
    return UnitRecord(**fields | changes)


def recorded(output: LocalFolder) -> list[UnitRecord]:
    return list(read_records(output, ledger.read_units(output).entries))


def test_nothing_and_an_empty_folder_are_empty(output: LocalFolder) -> None:
    ledger.require_empty(output)
    output.local.mkdir()
    ledger.require_empty(output)
    (output.local / "a/b").mkdir(parents=True)
    ledger.require_empty(output)


@pytest.mark.parametrize("path", ["a.csv", ".hidden", "_SUCCESS", "k=1/x.parquet", "a#1"])
def test_any_file_makes_a_folder_not_empty(output: LocalFolder, path: str) -> None:
    output.local.mkdir()
    (output.local / path).parent.mkdir(exist_ok=True)
    (output.local / path).touch()
    with pytest.raises(
        UserError, match=rf"already contains other data \({path}\). Choose another OUTPUT$"
    ):
        ledger.require_empty(output)


def test_a_dataset_of_ours_is_not_empty_but_can_be_replaced(output: LocalFolder) -> None:
    fill(output, *OURS)
    match = "semscore wrote. Choose .* --mode resume, or replace .*--mode overwrite --yes$"
    with pytest.raises(UserError, match=match):
        ledger.require_empty(output)


def test_our_files_are_ours(output: LocalFolder) -> None:
    fill(output, *OURS)
    assert set(ledger.require_ours(output)) == set(OURS)


def test_nothing_is_ours_too(output: LocalFolder) -> None:
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
def test_a_folder_with_one_foreign_file_is_not_ours(output: LocalFolder, path: str) -> None:
    fill(output, *OURS)
    (output.local / path).parent.mkdir(exist_ok=True, parents=True)
    (output.local / path).touch()
    match = rf"also contains {path}, which semscore did not write. Move it away"
    with pytest.raises(UserError, match=match):
        ledger.require_ours(output)


@pytest.mark.parametrize(
    "paths", [("a.parquet",), ("_SUCCESS",), (DATA, "_semscore/manifest.json")]
)
def test_a_folder_without_our_run_record_is_not_ours(
    output: LocalFolder, paths: tuple[str, ...]
) -> None:
    fill(output, *paths)
    match = "contains data that semscore did not write .*nothing is deleted. Choose another"
    with pytest.raises(UserError, match=match):
        ledger.require_ours(output)


def test_a_dataset_begun_afresh_has_nothing_of_the_old_one(
    output: LocalFolder, tmp_path: Path
) -> None:
    fill(output, *OURS, "_semscore/model/old/model.bin", "_semscore/model/new/model.bin")
    (tmp_path / "beside.txt").touch()
    lease = held(output, 7)
    assert not ledger.take_over(output, lease, replaces=True)
    ledger.reopen(output, lease)
    ledger.replace_run(output, lease, {"run": "r", "int8_sha256": "new"})
    ledger.clear_remains(output, lease, [])
    output.delete_folder(f"{ledger.STAGING}/r")
    kept = ["_semscore/model/new/model.bin", ledger.RUN, "_semscore/seals/000000001.json"]
    assert left(output) == kept
    assert json.loads(output.read(ledger.RUN) or b"")["run"] == "r"
    assert (tmp_path / "beside.txt").exists()


def test_a_dataset_whose_removal_was_broken_off_has_no_units(output: LocalFolder) -> None:
    ledger.take_over(output, held(output))
    ledger.commit(output, record())
    fill(output, ledger.RUN, f"k=1/{DATA}", ledger.SUCCESS)
    ledger.take_over(output, held(output, 2), replaces=True)
    assert not ledger.take_over(output, held(output, 3))
    assert not ledger.read_units(output)


def test_a_dataset_in_an_unknown_format_can_be_replaced(output: LocalFolder) -> None:
    ledger.take_over(output, held(output))
    output.write(record().path, b"not even JSON")
    fill(output, ledger.SUCCESS)
    assert not ledger.take_over(output, held(output, 2), replaces=True)
    assert output.read(ledger.SUCCESS) is None


def test_superseded_units_stop_counting_when_the_dataset_is_marked_as_incomplete(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.take_over(output, held(output))
    whole, part = record(), record(id="b" * 12, cut_at=100)
    for one in (whole, part):
        ledger.commit(output, one)
    fill(output, ledger.RUN, ledger.SUCCESS, ledger.MANIFEST)
    create = LocalFolder.create_if_absent
    found = []

    def sealed(folder: LocalFolder, path: str, content: bytes) -> bool:
        found.append(folder.read(ledger.SUCCESS))
        return create(folder, path, content)

    monkeypatch.setattr(LocalFolder, "create_if_absent", sealed)
    lease = held(output, 2)
    kept = ledger.take_over(output, lease, superseded=lambda one: one.cut_at == 100)
    assert recorded(output) == [whole]
    assert [unit.path for unit in kept] == [whole.path]
    assert found == [None], "readers must not take the old files for a complete dataset"
    assert output.read(part.path) is not None
    ledger.clear_remains(output, lease, kept)
    assert output.read(part.path) is None


def test_a_run_that_another_succeeded_deletes_nothing_more(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(output, *OURS)
    withdraw = LocalFolder.withdraw

    def late(folder: LocalFolder, entry: Entry, home: str) -> None:
        folder.delete_folder(ledger.STAGING)  # by the other
        withdraw(folder, entry, home)

    monkeypatch.setattr(LocalFolder, "withdraw", late)
    with pytest.raises(FileNotFoundError):
        ledger.reopen(output, held(output))
    assert {ledger.SUCCESS, ledger.MANIFEST} <= set(left(output))


def test_the_first_run_to_begin_has_the_folder(output: LocalFolder) -> None:
    ledger.begin(output, held(output), {"run": "é"})
    with pytest.raises(
        OutputInUse, match=r"another run has started writing to OUTPUT .*Wait for it"
    ):
        ledger.begin(output, held(output), {"run": "late"})
    assert json.loads(output.read(ledger.RUN) or b"") == {"run": "é"}


def test_records_come_back_as_they_were_written(output: LocalFolder) -> None:
    assert not ledger.read_units(output)
    ledger.take_over(output, held(output))
    many = [record(id=f"{n:012x}", hist={"score": {3: n}}) for n in range(40)]
    for one in many:
        ledger.commit(output, one)
    assert recorded(output) == many
    stored = json.loads(output.read("_semscore/units/000000000000-1.json") or b"")
    assert stored["files"] == [{"path": f"k=1/{DATA}", "rows": 2, "bytes": 100}]
    assert stored["v"] == VERSION


def test_what_was_committed_before_another_took_over_counts_and_nothing_after(
    output: LocalFolder,
) -> None:
    ledger.take_over(output, held(output))
    in_time, late = record(), record(id="ffffffffffff", lease=1)
    ledger.commit(output, in_time)
    ledger.take_over(output, held(output, 2))
    assert recorded(output) == [in_time]
    with pytest.raises(OutputInUse, match="has taken over OUTPUT"):
        ledger.commit(output, late)
    assert late.path not in left(output)
    output.write(late.path, b"{}")  # a request that took effect later still
    second = record(id="aaaaaaaaaaaa", lease=2)
    ledger.commit(output, second)
    assert recorded(output) == [in_time, second]


def test_of_two_that_take_over_at_once_the_second_sees_what_the_first_sealed(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.take_over(output, held(output))
    create, late = LocalFolder.create_if_absent, record()

    def contested(folder: LocalFolder, path: str, content: bytes) -> bool:
        monkeypatch.setattr(LocalFolder, "create_if_absent", create)
        ledger.take_over(folder, held(output, 2))
        ledger.commit(folder, record(id="aaaaaaaaaaaa", lease=2))
        folder.write(late.path, b"{}")
        return create(folder, path, content)

    monkeypatch.setattr(LocalFolder, "create_if_absent", contested)
    found = ledger.take_over(output, held(output, 3))
    assert [one.id for one in found] == ["aaaaaaaaaaaa"]


def test_a_seal_where_later_ones_were_and_went_is_none(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = LocalFolder.create_if_absent

    def overtaken(folder: LocalFolder, path: str, content: bytes) -> bool:
        monkeypatch.setattr(LocalFolder, "create_if_absent", create)
        for number in (2, 3):
            ledger.take_over(folder, held(output, number))
        ledger.clear_remains(folder, held(output, 3), [])
        return create(folder, path, content)

    monkeypatch.setattr(LocalFolder, "create_if_absent", overtaken)
    with pytest.raises(OutputInUse, match="has taken over OUTPUT"):
        ledger.take_over(output, held(output, 1))


def test_what_others_left_unfinished_is_removed(output: LocalFolder) -> None:
    stray = "k=1/part-ffffffffffff-1-00000.zstd.parquet"
    ledger.take_over(output, held(output))
    fill(output, ledger.RUN, f"k=1/{DATA}", stray, "_semscore/staging/dead/ffffffffffff/x.parquet")
    ledger.commit(output, record())
    lease = held(output, 2)
    records = ledger.take_over(output, lease)
    assert recorded(output) == [record()]
    output.write("_semscore/units/ffffffffffff-1.json", b"{}")
    ledger.clear_remains(output, lease, records)
    kept = [ledger.RUN, "_semscore/seals/000000002.json", record().path, f"k=1/{DATA}"]
    assert left(output) == kept


def test_packed_records_are_not_read_one_by_one(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "SIZE", 2)
    lease = held(output)
    ledger.take_over(output, lease)
    written = packs.Packs(output, lease)
    records = [record(id=f"{number:012x}", rows=number) for number in (9, 1, 5, 3, 7)]
    for one in records:
        ledger.commit(output, one, packs=written)
    found = sorted(records, key=lambda one: one.id)
    output.delete([found[2].path])
    del found[2]
    read: list[str] = []
    plain = LocalFolder.read
    monkeypatch.setattr(
        LocalFolder, "read", lambda self, path: read.append(path) or plain(self, path)
    )
    units = ledger.read_units(output)
    assert [one.id for one in units] == [one.id for one in found], "in the order of their ids"
    assert sorted(recorded(output), key=lambda one: one.id) == found
    [alone] = {path for path in read if path.startswith("_semscore/units/")}
    assert alone == records[-1].path, "only the one that is in no pack yet"
    for path in (output.local / packs.HOME).iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert sorted(recorded(output), key=lambda one: one.id) == found, "packs are damaged"


def test_a_second_attempt_takes_the_place_of_the_first(output: LocalFolder) -> None:
    ledger.take_over(output, held(output))
    ledger.commit(output, record(rows=1))
    ledger.commit(output, record(rows=2))
    assert [one.rows for one in ledger.read_units(output)] == [2]


def test_a_unit_is_committed_though_nobody_can_look(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.take_over(output, held(output))

    def fails(folder: LocalFolder, prefix: str) -> list[Entry]:
        raise StorageError("S3 is away")

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "entries", fails)
        ledger.commit(output, record())
    assert recorded(output) == [record()]


@pytest.mark.parametrize("place", ["lease/000000001.json", "staging/r/u/x.parquet", "model/a/b"])
def test_what_a_run_left_that_had_not_begun_is_nothing(output: LocalFolder, place: str) -> None:
    fill(output, f"_semscore/{place}")
    ledger.require_empty(output)
    ledger.require_ours(output)


def test_a_finished_dataset_has_manifest_and_success_and_no_staging(output: LocalFolder) -> None:
    fill(output, *OURS)
    ledger.finish(output, held(output), {"run": "run", "rows": 2})
    assert json.loads(output.read(ledger.MANIFEST) or b"") == {"run": "run", "rows": 2}
    assert not [path for path in left(output) if path.startswith("_semscore/staging")]
    assert ledger.SUCCESS in left(output)


def test_data_files_are_the_published_ones(output: LocalFolder) -> None:
    fill(output, *OURS, "k=1/other.parquet", "part-0123456789ab-12-123456.zstd.parquet")
    assert [entry.path for entry in ledger.data_files(output)] == [
        f"K=a%2Fb/m=é b/{DATA}",
        f"k=1/{DATA}",
        DATA,
        "part-0123456789ab-12-123456.zstd.parquet",
    ]


def begun(output: LocalFolder, run: str = "r") -> dict[str, Any]:
    """All that a run writes before its first unit is committed."""
    fill(output, "_semscore/progress.json", "_semscore/report.html", "_semscore/model/x/y.bin")
    fill(output, "_semscore/staging/r/u/scored/z.parquet", DATA)
    told = {"v": VERSION, "run": run}
    output.write(ledger.RUN, json.dumps(told).encode())
    return told


@pytest.mark.parametrize("there", [False, True])
def test_a_refusal_leaves_nothing_of_what_was_begun(output: LocalFolder, there: bool) -> None:
    if there:
        output.local.mkdir()
    with (
        pytest.raises(UserError, match="no"),
        as_it_was(output),
        Lease(output, "r") as lease,
        unless_refused(output, lease),
    ):
        ledger.take_over(output, lease)
        begun(output)
        raise UserError("no")
    assert left(output) == []
    assert output.local.exists() is there


@pytest.mark.parametrize("error", [OutputInUse("x"), RuntimeError("x"), KeyboardInterrupt()])
def test_only_a_refusal_removes_what_was_begun(output: LocalFolder, error: BaseException) -> None:
    with pytest.raises(type(error)), unless_refused(output, held(output)):
        begun(output)
        raise error
    assert ledger.RUN in left(output)


def test_a_refusal_removes_nothing_of_a_dataset_with_units(output: LocalFolder) -> None:
    with pytest.raises(UserError), unless_refused(output, held(output)):
        begun(output)
        ledger.commit(output, record())
        raise UserError("no")
    assert ledger.RUN in left(output) and record().path in left(output)


def test_a_refusal_removes_nothing_that_another_run_has_begun(output: LocalFolder) -> None:
    begun(output, run="other")
    before = left(output)
    with pytest.raises(UserError), unless_refused(output, held(output)):
        raise UserError("no")
    assert left(output) == before


def test_numbers_are_not_used_twice_where_others_have_been(output: LocalFolder) -> None:
    with Lease(output, "killed") as lease:
        ledger.take_over(output, lease)
    with (
        pytest.raises(UserError),
        Lease(output, "r") as lease,
        unless_refused(output, lease),
    ):
        ledger.take_over(output, lease)
        begun(output)
        raise UserError("no")
    ledger.require_empty(output)
    with Lease(output, "next") as lease:
        assert lease.number == 3


def test_a_run_that_was_taken_over_removes_nothing(output: LocalFolder) -> None:
    with (
        pytest.raises(OutputInUse),
        Lease(output, "r") as lease,
        unless_refused(output, lease),
    ):
        ledger.take_over(output, lease)
        begun(output)
        first = output.read("_semscore/lease/000000001.json")
        output.write("_semscore/lease/000000002.json", first or b"")
        raise UserError("no")
    assert ledger.RUN in left(output)
