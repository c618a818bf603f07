"""What became of the units so far, and how that is told to whoever follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.jobs.ledger.run_id import now
from semscore.jobs.run.run import FailedUnit
from semscore.udfs.meters import Meters

State = Literal["running", "complete", "stopped", "failed"]
SHOWN_ASIDE = 50


@dataclass
class Progress:
    """The units of a run that have ended, beside those that were there before."""

    earlier: Sequence[UnitRecord]
    upcoming: Upcoming
    limit: int | None = None  # rows of the dataset
    records: list[UnitRecord] = field(default_factory=list)
    failed: list[FailedUnit] = field(default_factory=list)
    reason: str | None = None  # why the run ended without being complete
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self._live, self._meters = 0, Meters()
        self._marked = (0, 0.0)  # rows of this run, seconds from its begin, when rows came last
        self._workers: set[str] = set()
        self._tokens = 0  # of this run
        self._sums = Counter[str]()  # of the dataset
        for record in self.earlier:
            self._add(record)
        self.rows_before = self._sums["rows"]  # of the units that were there before

    def book(self, record: UnitRecord) -> None:
        """A unit is committed."""
        self.records.append(record)
        self._workers.update(record.workers)
        self._tokens += record.meters["tokens"]
        self._add(record)

    def see(self, rows: int, meters: Meters) -> None:
        """Units that are in work: rows scored, as Spark says, and meters of tasks that ended."""
        self._live, self._meters = max(rows, meters.rows), meters
        if self._scored > self._marked[0]:
            self._marked = (self._scored, self._seconds)

    @property
    def _scored(self) -> int:
        return min(self.rows_done + self._live, self.rows)

    def _add(self, record: UnitRecord) -> None:
        self._sums["rows"] += record.rows
        self._sums["errors"] += record.statuses.get("error", 0)
        for name in ("texts", "distinct_texts"):
            self._sums[name] += record.meters[name]

    @property
    def bad(self) -> list[BadFile]:
        """Files that turned out to be unreadable."""
        return self.upcoming.bad

    @property
    def units(self) -> int:
        """Of this run, as far as is known."""
        return self.upcoming.units

    @property
    def rows(self) -> int:
        """Of this run at most, as far as is known."""
        rows = self.upcoming.rows
        return rows if self.limit is None else min(rows, self.limit - self.rows_before)

    @property
    def rows_total(self) -> int:
        """Rows of the dataset in the end, as far as is known."""
        return self.rows_before + self.rows

    @property
    def rows_done(self) -> int:
        """Rows of this run's committed units."""
        return self._sums["rows"] - self.rows_before

    @property
    def errors(self) -> int:
        """Rows of the dataset so far that the model failed on."""
        return self._sums["errors"]

    @property
    def rows_per_s(self) -> float | None:
        """Of committed units, since the first unit began; None: none has ended."""
        return self.rows_done / self._seconds if self.records else None

    @property
    def _pace(self) -> float | None:
        """Rows a second up to when rows came last: they come by whole windows."""
        rows, seconds = self._marked
        return rows / seconds if rows else None

    def _left_s(self, pace: float, rows: int) -> int:
        """Seconds for the rows that are left, counting down between windows."""
        waited = self._seconds - self._marked[1]
        left = rows / pace - waited
        return round(left if left > 0 else rows * self._seconds / self._marked[0])

    @property
    def _seconds(self) -> float:
        return max(monotonic() - self.began, 1e-9)

    def facts(self, state: State) -> dict[str, Any]:
        """For progress.json. Rates are of this run, sums of the whole dataset."""
        scored = self._scored if state == "running" else self.rows_done
        pace = self._pace
        live = self._meters if state == "running" else Meters()
        texts = self._sums["texts"] + live.texts
        distinct = self._sums["distinct_texts"] + live.distinct_texts
        aside = [{"what": unit.what, "reason": unit.reason} for unit in self.failed]
        aside += [{"what": file.path, "reason": file.reason} for file in self.bad]
        return {
            "rows": self.rows_before + scored,
            "rows_total": self.rows_total,
            "rows_per_s": pace and round(pace, 1),
            "tokens_per_s": round((self._tokens + live.tokens) / self._seconds),
            "distinct_share": texts and round(distinct / texts, 4),
            "errors": self.errors + live.statuses["error"],
            "units_done": len(self.earlier) + len(self.records),
            "units_total": len(self.earlier) + self.units,
            "units_failed": len(self.failed) + len(self.bad),
            "set_aside": aside[:SHOWN_ASIDE],
            "workers": len(self._workers.union(live.workers)),
            "eta_s": pace and self._left_s(pace, self.rows - scored),
            "state": state,
            "reason": self.reason,
            "at": now(),
        }
