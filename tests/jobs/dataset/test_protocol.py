"""Runs that take over from each other, stop, wake up and crash at any step lose and double nothing.

The protocol's own code on a folder of which each step is one that hypothesis may delay for as long
as it likes, or make the last. That a living run holds the lease counts for nothing here: every run
takes over at once, as if all others seemed dead. On a model of S3, what a run asked for last before
it died may also take effect later, whenever hypothesis likes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from threading import Lock, Semaphore, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.publish import destinations, discard_staging, publish
from semscore.jobs.dataset.units import Unit
from semscore.jobs.ledger import lease as lease_module
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.ledger import DataFile, UnitRecord
from semscore.udfs.errors import OutputInUse
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import LocalFolder

FILES = [
    CountedFile(root="file:///in", path=f"{n}.parquet", size=n, tag="t", rows=1, row_groups=1)
    for n in range(5)
]
ON_DISK = ("entries", "folders", "entry", "read", "create_if_absent", "write", "withdraw")
ON_DISK += ("_link", "_rename")
ON_S3 = ("entries", "folders", "entry", "read", "create_if_absent", "write", "withdraw", "copy")
CHANGES = ("create_if_absent", "write", "withdraw", "copy", "delete")
GO, CRASH, CRASH_IN_FLIGHT, LAND = "go", "crash", "crash in flight", "land"


class Crash(BaseException):
    """The process is gone."""


class FakeS3(Folder):
    """What S3 promises: one request is done as a whole, and all see it at once."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.name = self.url = "s3a://fake"
        self.objects = objects

    def full(self, path: str) -> str:
        return path

    def entries(self, prefix: str = "") -> list[Entry]:
        start = f"{prefix}/" if prefix else ""
        return [self._entry(path) for path in sorted(self.objects) if path.startswith(start)]

    def folders(self, path: str) -> list[str]:
        rest = [entry.path[len(path) + 1 :] for entry in FakeS3.entries(self, path)]
        return sorted({path.split("/")[0] for path in rest if "/" in path})

    def names(self, beginning: str) -> list[str]:
        raise AssertionError("the protocol does not ask for this")

    def above(self) -> list[Folder]:
        raise AssertionError("the protocol does not ask for this")

    def entry(self, path: str) -> Entry:
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self._entry(path)

    def open(self, entry: Entry) -> Any:
        raise AssertionError("the protocol does not ask for this")

    def read(self, path: str) -> bytes | None:
        return self.objects.get(path)

    def modified(self, path: str) -> float:
        raise AssertionError("the protocol does not ask for this")

    def create_if_absent(self, path: str, content: bytes) -> bool:
        return self.objects.setdefault(path, content) == content

    def write(self, path: str, content: bytes) -> None:
        self.objects[path] = content

    def copy(self, source: str, target: str) -> None:
        if source not in self.objects:
            raise FileNotFoundError(source)
        self.objects[target] = self.objects[source]

    def delete(self, paths: Any) -> None:
        for path in paths:
            self.objects.pop(path, None)

    def withdraw(self, entry: Entry, home: str) -> None:
        content = self.objects.get(entry.path, b"")
        if content and sha256(content).hexdigest() != entry.tag:
            raise FileNotFoundError(entry.path)
        self.objects.pop(entry.path, None)

    def delete_folder(self, path: str) -> None:
        self.delete([entry.path for entry in self.entries(path)])

    def require_writable(self) -> None:
        raise AssertionError("the protocol does not ask for this")

    def _entry(self, path: str) -> Entry:
        content = self.objects[path]
        return Entry(path, len(content), sha256(content).hexdigest())


class Turns:
    """An actor's folder, on which it waits for its turn at each step."""

    def begin(self, limbo: list[Callable[[], Any]]) -> None:
        self.turn, self.done, self.one = Semaphore(0), Semaphore(0), Lock()
        self.event, self.limbo = GO, limbo

    def step(self, plain: type, name: str, *given: Any) -> Any:
        with self.one:
            self.turn.acquire()
            try:
                if self.event == CRASH_IN_FLIGHT and name in CHANGES:
                    self.limbo.append(lambda: getattr(plain, name)(self, *given))
                if self.event != GO:
                    self.event = CRASH
                    raise Crash
                return getattr(plain, name)(self, *given)
            finally:
                self.done.release()


def stepped(plain: type[Folder], steps: Sequence[str]) -> Any:
    """The folder, with each step an actor's own."""

    class Stepped(Turns, plain):  # type: ignore[valid-type, misc]
        def delete(self, paths: Any) -> None:
            for path in paths:
                self.step(plain, "delete", [path])

        def delete_folder(self, path: str) -> None:
            """File by file: in between, anything may happen."""
            for entry in plain.entries(self, path):
                self.step(plain, "delete", [entry.path])

    for name in steps:

        def waits(self: Turns, *given: Any, _name: str = name) -> Any:
            return self.step(plain, _name, *given)

        setattr(Stepped, name, waits)
    return Stepped


def work(output: Folder, run: str, per_unit: int, replaces: bool = False) -> None:
    """A run: takes the lease, clears up, scores what is owed, in units of a size of its own."""
    with Lease(output, run) as lease:
        records = ledger.take_over(output, lease, replaces)
        ledger.reopen(output, lease, run)
        ledger.clear_remains(output, lease, records)
        todo = owed(FILES, records)
        for start in range(0, len(todo), per_unit):
            records.append(score(output, run, lease, Unit(todo[start : start + per_unit])))
        ledger.clear_remains(output, lease, records)
        files = [file.path for record in records for file in record.files]
        ledger.finish(output, lease, {"run": run, "files": files})


def score(output: Folder, run: str, lease: Lease, unit: Unit) -> UnitRecord:
    """What the job does with a unit; data files say which source files are in them."""
    lease.require()
    staged = []
    for number, file in enumerate(unit.files):
        path = f"{ledger.STAGING}/{run}/{unit.id}/scored/part-{number}.parquet"
        output.write(path, json.dumps([file.url]).encode())
        staged.append(DataFile(path, 1, 1))
    moves = destinations(run, lease.number, unit.id, staged)
    sources = [{"path": f.url, "size": f.size, "tag": f.tag, "rows": 1} for f in unit.files]
    files, rows = list(moves.values()), len(staged)
    record = UnitRecord(
        unit.id, run, lease.number, "f", sources, files, rows, {}, "", "", {}, {}, {}
    )
    lease.require()
    publish(output, moves)
    ledger.commit(output, record)
    discard_staging(output, run, unit.id)
    return record


def require_true(output: Folder) -> None:
    """What is declared complete is."""
    if output.read(ledger.SUCCESS) is not None:
        told = set(json.loads(output.read(ledger.MANIFEST) or b"{}")["files"])
        published = {entry.path for entry in ledger.data_files(output)}
        assert published >= told
        contents = [json.loads(output.read(path) or b"") for path in told]
        assert sorted(url for urls in contents for url in urls) == sorted(f.url for f in FILES)


def play(
    plain: Folder,
    actors: Sequence[Any],
    plans: Sequence[tuple[int, bool]],
    moves: Sequence[tuple[int, str]],
) -> list[Callable[[], Any]]:
    """Runs at once; each move lets one of them do a step, or crash at it: what has not landed."""
    limbo: list[Callable[[], Any]] = []
    ended = [False] * len(plans)
    for actor in actors:
        actor.begin(limbo)

    def act(number: int) -> None:
        try:
            work(actors[number], f"run{number}", *plans[number])
        except (Crash, OutputInUse, FileNotFoundError):
            pass
        finally:
            ended[number] = True
            actors[number].done.release()

    threads = [Thread(target=act, args=(n,), daemon=True) for n in range(len(plans))]
    for thread in threads:
        thread.start()
    script, sure = iter(moves), True
    while not all(ended):
        alive = [n for n, over in enumerate(ended) if not over]
        chosen, event = next(script, (0, GO))
        if event == LAND and limbo:
            limbo.pop(0)()
            continue
        actor = actors[alive[chosen % len(alive)]]
        if actor.event == GO and event in (CRASH, CRASH_IN_FLIGHT):
            actor.event, sure = event, sure and event == CRASH
        actor.turn.release()
        assert actor.done.acquire(timeout=60), "the harness waits for itself"
        if sure:
            require_true(plain)
    for thread in threads:
        thread.join()
    return limbo


@pytest.fixture(autouse=True)
def everyone_seems_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "require_free", lambda output, _: lease_module._last(output))
    monkeypatch.setattr(
        "semscore.jobs.dataset.publish.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1)
    )
    monkeypatch.setattr(
        "semscore.jobs.ledger.ledger.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1)
    )


HARD = settings(
    max_examples=300 if os.environ.get("SEMSCORE_THOROUGH") else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PLANS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([False, False, False, True])),
    min_size=2,
    max_size=3,
)


def moves_of(*events: str) -> Any:
    rare = st.sampled_from([GO] * 30 + list(events))
    return st.lists(st.tuples(st.integers(0, 2), rare), max_size=250)


def land_all(late: Sequence[Callable[[], Any]]) -> None:
    for land in late:
        with suppress(FileNotFoundError):
            land()


def require_each_file_once(output: Folder) -> None:
    """After a last run, all is there, and nothing else; what was committed before is as it was."""
    committed = ledger.read_units(output)
    work(output, "last", 2)
    records = ledger.read_units(output)
    assert [one for one in records if one.run != "last"] == committed, "a committed unit is lost"
    sources = [source["path"] for record in records for source in record.sources]
    assert sorted(sources) == sorted(file.url for file in FILES)
    published = {entry.path for entry in ledger.data_files(output)}
    assert published == {file.path for record in records for file in record.files}
    contents = [json.loads(output.read(path) or b"") for path in published]
    assert sorted(url for urls in contents for url in urls) == sorted(f.url for f in FILES)
    assert not output.entries(ledger.STAGING)
    known = {record.path for record in records} | published
    known |= {ledger.SUCCESS, ledger.MANIFEST}
    others = {entry.path for entry in output.entries()} - known
    assert len({path for path in others if "/lease/" in path}) == 1
    assert len({path for path in others if "/seals/" in path}) == 1
    assert len(others) == 2


@HARD
@given(plans=PLANS, moves=moves_of(CRASH))
def test_whatever_happens_each_file_is_there_once(
    plans: list[tuple[int, bool]], moves: list[tuple[int, str]]
) -> None:
    kind = stepped(LocalFolder, ON_DISK)
    with tempfile.TemporaryDirectory() as place:
        play(LocalFolder(place), [kind(place) for _ in plans], plans, moves)
        require_each_file_once(LocalFolder(place))


@HARD
@given(plans=PLANS, moves=moves_of(CRASH_IN_FLIGHT, CRASH_IN_FLIGHT, LAND))
def test_on_s3_requests_may_take_effect_late(
    plans: list[tuple[int, bool]], moves: list[tuple[int, str]]
) -> None:
    objects: dict[str, bytes] = {}
    kind = stepped(FakeS3, ON_S3)
    late = play(FakeS3(objects), [kind(objects) for _ in plans], plans, moves)
    land_all(late)
    require_each_file_once(FakeS3(objects))


@HARD
@given(plans=PLANS, moves=moves_of(CRASH_IN_FLIGHT, CRASH_IN_FLIGHT, LAND))
def test_what_lands_when_all_is_done_commits_nothing(
    plans: list[tuple[int, bool]], moves: list[tuple[int, str]]
) -> None:
    objects: dict[str, bytes] = {}
    kind = stepped(FakeS3, ON_S3)
    late = play(FakeS3(objects), [kind(objects) for _ in plans], plans, moves)
    require_each_file_once(FakeS3(objects))
    records, declared = ledger.read_units(FakeS3(objects)), objects[ledger.MANIFEST]
    land_all(late)
    assert ledger.read_units(FakeS3(objects)) == records
    assert objects[ledger.MANIFEST] == declared
    assert all(file.path in objects for record in records for file in record.files)
