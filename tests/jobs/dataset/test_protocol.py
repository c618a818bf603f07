"""Runs that take over from each other, stop, wake up and crash at any step lose and double nothing.

The protocol's own code on a real folder; each of its steps there is one that hypothesis may delay
for as long as it likes, or make the last. That a living run holds the lease counts for nothing
here: every run takes over at once, as if all others seemed dead.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Semaphore, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.jobs.dataset import lease as lease_module
from semscore.jobs.dataset import ledger
from semscore.jobs.dataset.lease import Lease
from semscore.jobs.dataset.ledger import DataFile, UnitRecord
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.publish import destinations, discard_staging, publish
from semscore.jobs.dataset.source import SourceFile
from semscore.jobs.dataset.storage import Folder
from semscore.jobs.dataset.units import Unit
from semscore.jobs.errors import OutputInUse

FILES = [
    SourceFile(root="file:///in", path=f"{n}.parquet", size=n, tag="t", rows=1, row_groups=1)
    for n in range(5)
]
STEPS = ("entries", "read", "create_if_absent", "write", "move", "_link", "_rename")


class Crash(BaseException):
    """The process is gone."""


class Stepped(Folder):
    """A folder on which one actor waits for its turn at each step."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.turn, self.done = Semaphore(0), Semaphore(0)
        self.crashed = False
        self.one = Lock()

    def step(self, name: str, *given: Any) -> Any:
        with self.one:
            self.turn.acquire()
            try:
                if self.crashed:
                    raise Crash
                return getattr(super(), name)(*given)
            finally:
                self.done.release()

    def delete(self, paths: Any) -> None:
        for path in paths:
            self.step("delete", [path])

    def delete_folder(self, path: str) -> None:
        """File by file: in between, anything may happen."""
        for entry in super().entries(path):
            self.step("delete", [entry.path])


for _name in STEPS:

    def _stepped(self: Stepped, *given: Any, _name: str = _name) -> Any:
        return self.step(_name, *given)

    setattr(Stepped, _name, _stepped)


def work(output: Folder, run: str, per_unit: int) -> None:
    """A run: takes the lease, clears up, scores what is owed, in units of a size of its own."""
    with Lease(output, run) as lease:
        records = ledger.clear_remains(output, lease)
        todo = owed(FILES, records)
        ledger.reopen(output, lease, run)
        for start in range(0, len(todo), per_unit):
            records.append(score(output, run, lease, Unit(todo[start : start + per_unit])))
        files = [file.path for record in records for file in record.files]
        ledger.finish(output, lease, {"run": run, "files": files})


def score(output: Folder, run: str, lease: Lease, unit: Unit) -> UnitRecord:
    """What the job does with a unit; data files say which source files are in them."""
    lease.require()
    staged = []
    for number, file in enumerate(unit.files):
        path = f"{ledger.STAGING}/{run}/{unit.id}/part-{number}.parquet"
        output.write(path, json.dumps([file.url]).encode())
        staged.append(DataFile(path, 1, 1))
    moves = destinations(run, lease.number, unit.id, staged)
    sources = [{"path": f.url, "size": f.size, "tag": f.tag, "rows": 1} for f in unit.files]
    files, rows = list(moves.values()), len(staged)
    record = UnitRecord(unit.id, run, "f", sources, files, rows, {}, "", "", {}, {}, {})
    ledger.draft(output, record)
    lease.require()
    publish(output, moves)
    if not ledger.commit(output, record):
        raise OutputInUse
    discard_staging(output, run, unit.id)
    return record


def require_true(output: Folder) -> None:
    """What is declared complete is."""
    if output.read(ledger.SUCCESS) is not None:
        told = set(json.loads(output.read(ledger.MANIFEST) or b"{}")["files"])
        records = ledger.read_units(output)
        assert told == {file.path for record in records for file in record.files}
        assert sum(len(record.sources) for record in records) == len(FILES)
        assert {entry.path for entry in ledger.data_files(output)} >= told


def play(place: Path, sizes: Sequence[int], moves: Sequence[tuple[int, bool]]) -> None:
    """Runs at once; each move lets one of them do a step, or crash at it."""
    folders = [Stepped(str(place)) for _ in sizes]
    ended = [False] * len(sizes)

    def act(number: int) -> None:
        try:
            work(folders[number], f"run{number}", sizes[number])
        except (Crash, OutputInUse, FileNotFoundError):
            pass
        finally:
            ended[number] = True
            folders[number].done.release()

    threads = [Thread(target=act, args=(n,), daemon=True) for n in range(len(sizes))]
    for thread in threads:
        thread.start()
    script = iter(moves)
    while not all(ended):
        alive = [n for n, over in enumerate(ended) if not over]
        chosen, crash = next(script, (0, False))
        actor = folders[alive[chosen % len(alive)]]
        actor.crashed = actor.crashed or crash
        actor.turn.release()
        actor.done.acquire()
        require_true(Folder(str(place)))
    for thread in threads:
        thread.join()


@pytest.fixture(autouse=True)
def everyone_seems_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "require_free", lambda output, _: lease_module._last(output))
    monkeypatch.setattr(
        "semscore.jobs.dataset.publish.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1)
    )


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=2, max_size=3),
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([False] * 30 + [True])), max_size=250
    ),
)
def test_whatever_happens_each_file_is_there_once(
    sizes: list[int], moves: list[tuple[int, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as place:
        output = Folder(place)
        play(Path(place), sizes, moves)
        require_true(output)
        committed = ledger.read_units(output)
        work(output, "last", 2)
        records = ledger.read_units(output)
        assert [one for one in records if one.run != "last"] == committed, (
            "a committed unit is lost"
        )
        sources = [source["path"] for record in records for source in record.sources]
        assert sorted(sources) == sorted(file.url for file in FILES)
        published = {entry.path for entry in ledger.data_files(output)}
        assert published == {file.path for record in records for file in record.files}
        contents = [json.loads(output.read(path) or b"") for path in published]
        assert sorted(url for urls in contents for url in urls) == sorted(f.url for f in FILES)
        assert not output.entries(ledger.STAGING)
