"""Rows a second over time, and how long it all took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semscore.jobs.history.records import seconds_of
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.jobs.ledger.run_id import began
from semscore.udfs.meters import worker_of

PAUSE_S = 60.0  # without any unit in work for longer: between two runs
BINS = 60
SHOWN_FILES = 3


@dataclass(frozen=True)
class Span:
    """A unit in work, on a clock that stands still in pauses."""

    id: str
    began_s: float
    ended_s: float
    rows: int
    files: int
    first_files: tuple[str, ...]

    @property
    def rows_per_s(self) -> float:
        """While it was in work, beside others."""
        return self.rows / max(self.ended_s - self.began_s, 1e-3)


@dataclass(frozen=True)
class Rate:
    """How fast rows were scored within a piece of time."""

    from_s: float
    to_s: float
    rows_per_s: float


def spans(units: Sequence[UnitRecord]) -> list[Span]:
    """All units by their beginning, from 0 s on, pauses cut out."""
    ordered = sorted(units, key=lambda unit: (unit.started, unit.ended))
    found: list[Span] = []
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
        found.append(Span(unit.id, start - cut, end - cut, unit.rows, len(files), shown))
    return found


def scoring_seconds(units: Sequence[Span]) -> float:
    """From the first unit's begin to the last one's end, pauses left out."""
    return max((unit.ended_s for unit in units), default=0.0)


def rates(units: Sequence[Span]) -> list[Rate]:
    """Rows a second in pieces of like length; a unit's rows are spread evenly over its time."""
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
    """A run that took part in a dataset."""

    run_s: float  # from its begin to its last unit's end
    scoring_s: float  # from its first unit's begin to that
    slots: int  # tasks that could run at once
    hosts: int  # whose workers took part


def run_times(units: Sequence[UnitRecord]) -> list[RunTime]:
    """One for each run that committed units; what others cost is not known."""
    by_run: dict[str, list[UnitRecord]] = {}
    for unit in units:
        by_run.setdefault(unit.run, []).append(unit)
    return [_run_time(run, some) for run, some in by_run.items()]


def _run_time(run: str, units: Sequence[UnitRecord]) -> RunTime:
    end = max(seconds_of(unit.ended) for unit in units)
    hosts = {worker_of(label).host for unit in units for label in unit.workers}
    return RunTime(
        run_s=max(end - began(run), 0.0),
        scoring_s=end - min(seconds_of(unit.started) for unit in units),
        slots=max(unit.slots for unit in units),
        hosts=len(hosts) or 1,
    )
