"""Runs that take over from each other, stop, wake up and crash at any step lose and double nothing.

The protocol's own code on a folder of which each step is one that hypothesis may delay for as long
as it likes, or make the last. That a living run holds the lease counts for nothing here: every run
takes over at once, as if all others seemed dead. On a model of S3, what a run asked for last before
it died may also take effect later, whenever hypothesis likes.

INPUT has small files, a file of several row groups, and one with a row group in pieces. Runs differ
in the size of their units and in their --limit.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from sys import maxsize
from threading import Lock, Semaphore, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.jobs.dataset import blocks
from semscore.jobs.dataset.blocks import RowGroup
from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.owed import outgrown, owed, partly_scored
from semscore.jobs.dataset.publish import destinations, discard_staging, publish
from semscore.jobs.dataset.units import Division, Unit, source_of
from semscore.jobs.ledger import lease as lease_module
from semscore.jobs.ledger import ledger, packs
from semscore.jobs.ledger.committed import DataFile, UnitRecord
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.packs import Packs
from semscore.udfs.errors import OutputInUse
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import LocalFolder
from tests.services.records import unmeasured

SIZES = {"a": (1,), "b": (2, 1, 1), "c": (1,), "d": (1, 5)}  # file -> rows of its row groups
FILES = [
    CountedFile("file:///in", name, size=len(groups), tag="t", rows=sum(groups), row_groups=1)
    for name, groups in SIZES.items()
]
ROWS = sorted([file.url, row] for file in FILES for row in range(file.rows))
ON_DISK = ("entries", "folders", "entry", "read", "create_if_absent", "write", "withdraw")
ON_DISK += ("_link", "_rename")
ON_S3 = ("entries", "folders", "entry", "read", "create_if_absent", "write", "withdraw", "copy")
CHANGES = ("create_if_absent", "write", "withdraw", "copy", "delete")
Plan = tuple[int, bool, int | None]  # rows per unit, replaces, --limit
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


def row_groups(file: CountedFile) -> list[RowGroup]:
    sizes = SIZES[file.path]
    return [RowGroup(sum(sizes[:n]), rows, 10 * n) for n, rows in enumerate(sizes)]


def work(
    output: Folder, run: str, per_unit: int, replaces: bool = False, limit: int | None = None
) -> None:
    """A run: takes the lease, clears up, scores what is owed, in units of a size of its own."""
    with Lease(output, run) as lease:
        records = ledger.take_over(
            output, lease, lambda unit: outgrown(unit, None, limit), replaces=replaces
        )
        ledger.reopen(output, lease)
        ledger.clear_remains(output, lease, records)
        left = maxsize if limit is None else limit - sum(record.rows for record in records)
        if left < 0:
            return  # such a run is refused
        scored = partly_scored(records)
        division, written = (
            Division(per_unit, groups=row_groups, scored=scored),
            Packs(output, lease),
        )
        for unit in division.units(owed(FILES, records)):
            if left <= 0:
                break
            records.add(score(output, run, lease, written, unit, left, limit))
            left -= records[-1].rows
        ledger.clear_remains(output, lease, records)
        files = [file.path for record in records for file in record.files]
        ledger.finish(output, lease, {"run": run, "files": files, "limit": limit})


def score(
    output: Folder,
    run: str,
    lease: Lease,
    written: Packs,
    unit: Unit,
    left: int,
    limit: int | None,
) -> UnitRecord:
    """What the job does with a unit; data files say which rows of which files are in them."""
    lease.require()
    staged, rows = [], 0
    for number, file in enumerate(unit.files):
        span = range(file.part.start, file.part.stop) if file.part else range(file.rows)
        taken = [[file.url, row] for row in span][: left - rows]
        path = f"{ledger.STAGING}/{run}/{unit.id}/scored/part-{number}.parquet"
        output.write(path, json.dumps(taken).encode())
        staged.append(DataFile(path, len(taken), 1))
        rows += len(taken)
    moves = destinations(run, lease.number, unit.id, staged)
    record = unmeasured(
        id=unit.id,
        run=run,
        lease=lease.number,
        sources=list(map(source_of, unit.files)),
        files=list(moves.values()),
        rows=rows,
        cut_at=limit if rows < unit.rows else None,
    )
    lease.require()
    publish(output, moves)
    ledger.commit(output, record, packs=written)
    discard_staging(output, run, unit.id)
    return record


def require_true(output: Folder) -> None:
    """What is declared complete is."""
    if output.read(ledger.SUCCESS) is not None:
        told = set(json.loads(output.read(ledger.MANIFEST) or b"{}")["files"])
        published = {entry.path for entry in ledger.data_files(output)}
        assert published >= told
        limit = json.loads(output.read(ledger.MANIFEST) or b"{}")["limit"]
        require_each_once(rows_in(output, told), limit)


def rows_in(output: Folder, paths: Iterable[str]) -> list[Any]:
    contents = [json.loads(output.read(path) or b"") for path in paths]
    return sorted(row for rows in contents for row in rows)


def require_each_once(rows: list[Any], limit: int | None) -> None:
    assert len({tuple(row) for row in rows}) == len(rows)
    assert len(rows) == min(len(ROWS), limit or maxsize)
    assert all(row in ROWS for row in rows)


def play(
    plain: Folder,
    actors: Sequence[Any],
    plans: Sequence[Plan],
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
def pieces_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)


@pytest.fixture(autouse=True)
def packs_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SIZE", 2)


@pytest.fixture(autouse=True)
def everyone_seems_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "require_free", lambda output, _: lease_module._last(output))
    monkeypatch.setattr(
        "semscore.jobs.dataset.publish.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1)
    )
    monkeypatch.setattr(
        "semscore.jobs.ledger.committed.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1)
    )


HARD = settings(
    max_examples=300 if os.environ.get("SEMSCORE_THOROUGH") else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PLANS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([None, None, 3, 5]),
    ),
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


def require_each_row_once(output: Folder) -> None:
    """After a last run, all is there, and nothing else; what was committed before is as it was."""
    committed = ledger.read_units(output)
    work(output, "last", 2)
    records = ledger.read_units(output)
    kept = [one for one in committed if one.cut_at is None]
    assert [one for one in records if one.run != "last"] == kept, "a committed unit is lost"
    assert all(one.cut_at is None for one in records)
    published = {entry.path for entry in ledger.data_files(output)}
    assert published == {file.path for record in records for file in record.files}
    assert rows_in(output, published) == ROWS
    assert not output.entries(ledger.STAGING)
    known = {record.path for record in records} | published
    known |= {ledger.SUCCESS, ledger.MANIFEST}
    others = {entry.path for entry in output.entries()} - known
    others = {path for path in others if "/packs/" not in path}
    assert len({path for path in others if "/lease/" in path}) == 1
    assert len({path for path in others if "/seals/" in path}) == 1
    assert len(others) == 2


@HARD
@given(plans=PLANS, moves=moves_of(CRASH))
def test_whatever_happens_each_row_is_there_once(
    plans: list[Plan], moves: list[tuple[int, str]]
) -> None:
    kind = stepped(LocalFolder, ON_DISK)
    with tempfile.TemporaryDirectory() as place:
        play(LocalFolder(place), [kind(place) for _ in plans], plans, moves)
        require_each_row_once(LocalFolder(place))


@HARD
@given(plans=PLANS, moves=moves_of(CRASH_IN_FLIGHT, CRASH_IN_FLIGHT, LAND))
def test_on_s3_requests_may_take_effect_late(
    plans: list[Plan], moves: list[tuple[int, str]]
) -> None:
    objects: dict[str, bytes] = {}
    kind = stepped(FakeS3, ON_S3)
    late = play(FakeS3(objects), [kind(objects) for _ in plans], plans, moves)
    land_all(late)
    require_each_row_once(FakeS3(objects))


@HARD
@given(plans=PLANS, moves=moves_of(CRASH_IN_FLIGHT, CRASH_IN_FLIGHT, LAND))
def test_what_lands_when_all_is_done_commits_nothing(
    plans: list[Plan], moves: list[tuple[int, str]]
) -> None:
    objects: dict[str, bytes] = {}
    kind = stepped(FakeS3, ON_S3)
    late = play(FakeS3(objects), [kind(objects) for _ in plans], plans, moves)
    require_each_row_once(FakeS3(objects))
    records, declared = ledger.read_units(FakeS3(objects)), objects[ledger.MANIFEST]
    land_all(late)
    assert list(ledger.read_units(FakeS3(objects))) == list(records)
    assert objects[ledger.MANIFEST] == declared
    assert all(file.path in objects for record in records for file in record.files)
