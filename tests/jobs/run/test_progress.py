"""How far a run is, and how that reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.ledger.committed import Committed, UnitRecord
from semscore.jobs.ledger.progress_line import duration, told
from semscore.jobs.run import progress as module
from semscore.jobs.run.progress import Progress
from semscore.jobs.run.run import FailedUnit
from semscore.udfs.meters import Meters


def record(rows: int, **statuses: int) -> UnitRecord:
    meters = {"texts": 2 * rows, "distinct_texts": rows, "tokens": 10 * rows}
    workers: Any = {f"host {rows} cpu torch": {"rows": rows}}
    return UnitRecord(
        id="u",
        run="r",
        lease=1,
        fingerprint="f",
        sources=[],
        files=[],
        rows=rows,
        statuses=statuses,
        started="",
        ended="",
        meters=meters,
        workers=workers,
        hist={"score": {}},
    )


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def upcoming(*rows: int) -> Upcoming:
    files = [CountedFile("r", f"{k}", 1, "t", n, 1) for k, n in enumerate(rows)]
    queue = Upcoming(files, len(files))
    queue.make_all()
    return queue


def test_rows_in_work_count_while_it_runs(clock: Clock) -> None:
    progress = Progress(Committed([]), upcoming(1000), began=0.0)
    clock.now = 10.0
    assert progress.facts("running")["rows_per_s"] is None
    progress.see(200, Meters())
    facts = progress.facts("running")
    assert (facts["rows"], facts["rows_per_s"], facts["eta_s"]) == (200, 20.0, 40)
    assert progress.facts("stopped")["rows"] == 0  # nothing of it is committed


def test_time_left_counts_down_between_windows(clock: Clock) -> None:
    progress = Progress(Committed([]), upcoming(1000), began=0.0)
    clock.now = 10.0
    progress.see(200, Meters())
    clock.now = 15.0
    progress.see(200, Meters())
    facts = progress.facts("running")
    assert (facts["rows_per_s"], facts["eta_s"]) == (20.0, 35)
    clock.now = 100.0  # longer than all should have taken: no promise is better than a wrong one
    assert progress.facts("running")["eta_s"] == 400


def test_what_was_there_before_counts_as_rows_but_not_as_speed(clock: Clock) -> None:
    progress = Progress(Committed([record(500, error=2)]), upcoming(100), began=0.0)
    clock.now = 5.0
    progress.book(record(50, ok=50))
    progress.see(0, Meters())
    facts = progress.facts("running")
    assert (facts["rows"], facts["rows_total"], facts["rows_per_s"]) == (550, 600, 10.0)
    assert (facts["errors"], facts["units_done"], facts["workers"]) == (2, 2, 1)
    assert facts["distinct_share"] == 0.5
    assert facts["tokens_per_s"] == 100


def test_tasks_that_ended_count_before_their_unit_does(clock: Clock) -> None:
    progress = Progress(Committed([record(500, error=2)]), upcoming(100), began=0.0)
    clock.now = 5.0
    meters = Meters(rows=40, texts=80, distinct_texts=20, tokens=50, statuses=Counter(error=1))
    meters.assign("host 9 cpu torch", "a CPU")
    progress.see(10, meters)
    facts = progress.facts("running")
    assert (facts["rows"], facts["errors"], facts["workers"]) == (540, 3, 1)
    assert facts["distinct_share"] == round(520 / 1080, 4)
    assert facts["tokens_per_s"] == 10
    assert progress.facts("failed")["errors"] == 2


def test_more_rows_than_there_are_is_a_task_tried_again(clock: Clock) -> None:
    progress = Progress(Committed([]), upcoming(100), began=0.0)
    clock.now = 1.0
    progress.see(150, Meters())
    assert progress.facts("running")["rows"] == 100


def test_units_set_aside_are_named(clock: Clock) -> None:
    progress = Progress(Committed([]), upcoming(100))
    progress.failed.append(FailedUnit("unit x (1 file)", ValueError("no")))
    facts = progress.facts("failed")
    assert facts["set_aside"] == [{"what": "unit x (1 file)", "reason": "ValueError: no"}]
    assert facts["units_failed"] == 1


def test_the_facts_read_as_a_line(clock: Clock) -> None:
    progress = Progress(Committed([]), upcoming(1000), began=0.0)
    clock.now = 10.0
    progress.book(record(250, ok=249, error=1))
    progress.see(0, Meters())
    assert told(progress.facts("running")) == (
        "250 of 1,000 rows (25%), 25 rows/s, 0 min 30 s left, 1 of 1 unit, 1 worker, "
        "50% distinct texts, 1 error"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 min 00 s"), (61.4, "1 min 01 s"), (7260, "2 h 01 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
