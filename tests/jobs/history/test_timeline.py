"""Rows over time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from semscore.jobs.history.timeline import rates, run_times, scoring_seconds, spans
from semscore.jobs.ledger.committed import Committed, UnitRecord

Make = Callable[..., UnitRecord]


def test_units_start_at_zero_and_overlap(units: Make) -> None:
    found = spans([units(2, "00:25", "00:40"), units(1, "00:20", "00:30")])
    assert [(span.began_s, span.ended_s) for span in found] == [(0, 10), (5, 20)]
    assert scoring_seconds(found) == 20


def test_the_clock_stands_still_between_runs(units: Make) -> None:
    found = spans(
        [units(1, "00:00", "00:10"), units(2, "30:00", "30:05"), units(3, "30:05", "30:20")]
    )
    assert [(span.began_s, span.ended_s) for span in found] == [(0, 10), (10, 15), (15, 30)]


def test_a_units_rows_are_spread_over_its_time(units: Make) -> None:
    found = spans([units(1, "00:00", "00:10", rows=100), units(2, "00:05", "00:10", rows=50)])
    pieces = rates(found)
    assert [piece.rows_per_s for piece in pieces] == pytest.approx([10.0] * 5 + [20.0] * 5)
    total = sum(piece.rows_per_s * (piece.to_s - piece.from_s) for piece in pieces)
    assert total == pytest.approx(150)


def test_no_units_take_no_time() -> None:
    assert (spans([]), rates([]), scoring_seconds([])) == ([], [], 0)


def test_a_run_lasts_from_its_ids_moment_to_its_last_unit(units: Make) -> None:
    other = "20261101T103000-00000000"
    some = [units(1, "00:20", "00:30"), units(2, "31:00", "31:10", run=other)]
    assert [time.run_s for time in run_times(Committed(some).tallies)] == [30, 70]
    assert [time.scoring_s for time in run_times(Committed(some).tallies)] == [10, 10]


def test_hosts_and_slots_are_each_runs_own(units: Make) -> None:
    other = "20261101T103000-00000000"
    some = [
        units(1, "00:20", "00:30"),
        units(2, "00:20", "00:40", label="host-b 1 cpu torch"),
        units(3, "31:00", "31:10", run=other),
    ]
    assert [(time.hosts, time.slots) for time in run_times(Committed(some).tallies)] == [
        (2, 2),
        (1, 2),
    ]


def test_many_files_are_counted_and_few_named(units: Make) -> None:
    one = units(1, "00:00", "00:01")
    one.sources.extend({"path": f"f{k}"} for k in range(9))
    [span] = spans([one])
    assert (span.files, len(span.first_files)) == (10, 3)
