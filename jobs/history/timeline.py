"""Durations of units and runs, and rows per second over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semscore.jobs.history.records import seconds_of
from semscore.jobs.ledger.committed import CommittedUnit, Kind, Tally
from semscore.jobs.ledger.run_id import began
from semscore.udfs.meters import worker_of

PAUSE_S = 60.0  # a longer time in which no unit was running is a pause between two runs
BINS = 60
SHOWN_FILES = 3


@dataclass(frozen=True)
class Span:
    """The time in which a unit was running, on a clock that stops during pauses."""

    id: str
    began_s: float
    ended_s: float
    rows: int
    files: int
    first_files: tuple[str, ...]

    @property
    def rows_per_s(self) -> float:
        """Rows per second while the unit was running, possibly at the same time as others."""
        return self.rows / max(self.ended_s - self.began_s, 1e-3)


@dataclass(frozen=True)
class Rate:
    """The speed of scoring within an interval."""

    from_s: float
    to_s: float
    rows_per_s: float


def spans(units: Sequence[CommittedUnit]) -> list[Span]:
    """Return the spans of all units, sorted by their start. The first starts at 0 s."""
    ordered = sorted(units, key=lambda unit: (unit.started, unit.ended))
    result: list[Span] = []
    last, cut = None, 0.0
    for unit in ordered:
        start, end = seconds_of(unit.started), seconds_of(unit.ended)
        if last is None:
            cut = start
        elif start - last > PAUSE_S:
            cut += start - last
        last = end if last is None else max(last, end)
        files = tuple(str(source["path"]) for source in unit.sources)
        shown = files[:SHOWN_FILES]
        result.append(Span(unit.id, start - cut, end - cut, unit.rows, len(files), shown))
    return result


def scoring_seconds(units: Sequence[Span]) -> float:
    """Return the seconds from the first unit's start to the last unit's end, without pauses."""
    return max((unit.ended_s for unit in units), default=0.0)


def rates(units: Sequence[Span]) -> list[Rate]:
    """Return rows per second in intervals of equal length; empty without units.

    The rows of a unit are spread evenly over its time.
    """
    whole = scoring_seconds(units)
    if not whole:
        return []
    edges = np.linspace(0, whole, min(BINS, max(int(whole), 1)) + 1)
    width = edges[1] - edges[0]
    rows = np.zeros(len(edges) - 1)
    for unit in units:
        shares = np.minimum(edges[1:], unit.ended_s) - np.maximum(edges[:-1], unit.began_s)
        rows += np.clip(shares, 0, None) * unit.rows_per_s
    return [
        Rate(float(a), float(b), float(n / width))
        for a, b, n in zip(edges[:-1], edges[1:], rows, strict=True)
    ]


@dataclass(frozen=True)
class RunTime:
    """The times and sizes of one of a dataset's runs."""

    run_s: float  # from the run's start to its last unit's end
    scoring_s: float  # from its first unit's start to its last unit's end
    slots: int  # tasks that could run at once
    hosts: int  # hosts whose workers scored rows


def run_times(tallies: Mapping[Kind, Tally]) -> list[RunTime]:
    """Return the times of each run that committed units; other runs leave no times."""
    by_run: dict[str, list[Tally]] = {}
    for kind, tally in tallies.items():
        by_run.setdefault(kind.run, []).append(tally)
    return [_run_time(run, of_run) for run, of_run in by_run.items()]


def host_hours(runs: Sequence[RunTime]) -> float:
    """Return the hours of all hosts together, in all runs."""
    return sum(run.run_s * run.hosts for run in runs) / 3600


def _run_time(run: str, tallies: Sequence[Tally]) -> RunTime:
    end = max(seconds_of(tally.ended) for tally in tallies)
    hosts = {worker_of(label).host for tally in tallies for label in tally.workers}
    return RunTime(
        run_s=max(end - began(run), 0.0),
        scoring_s=end - min(seconds_of(tally.started) for tally in tallies),
        slots=max(tally.slots for tally in tallies),
        hosts=len(hosts) or 1,
    )
