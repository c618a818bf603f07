"""The progress of a run: the outcome of its units so far, and the facts in progress.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.ledger.committed import Committed, UnitRecord
from semscore.jobs.ledger.run_id import now
from semscore.jobs.run.cost import Cost
from semscore.jobs.run.run import FailedUnit
from semscore.udfs.meters import Meters

State = Literal["running", "complete", "stopped", "failed"]
SHOWN_ASIDE = 50


@dataclass
class Progress:
    """The units of a run that have ended, and the units of earlier runs."""

    committed: Committed  # of the dataset; grows
    upcoming: Upcoming
    limit: int | None = None  # rows of the dataset
    cost: Cost | None = None  # of the dataset's runs, if a price is known
    failed: list[FailedUnit] = field(default_factory=list)
    failed_in_a_row: int = 0  # units set aside after the last one that was committed
    reason: str | None = None  # why the run ended with an incomplete dataset
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self._live, self._meters = 0, Meters()
        self._marked = (0, 0.0)  # rows of this run, and seconds from its start, when rows last came
        self._workers: set[str] = set()
        self._tokens = 0  # of this run
        self.units_before, self.rows_before = len(self.committed), self.committed.rows
        meters = self.committed.meters
        self._texts, self._distinct = meters["texts"], meters["distinct_texts"]
        self.errors = self.committed.statuses["error"]  # rows on which the model failed, so far

    def book(self, record: UnitRecord) -> None:
        """Add a unit that was committed."""
        self.committed.add(record)
        self.failed_in_a_row = 0
        self._workers.update(record.workers)
        self._tokens += record.meters["tokens"]
        self._texts += record.meters["texts"]
        self._distinct += record.meters["distinct_texts"]
        self.errors += record.statuses.get("error", 0)

    def set_aside(self, unit: FailedUnit) -> None:
        """Add a unit that could not be scored."""
        self.failed.append(unit)
        self.failed_in_a_row += 1

    def see(self, rows: int, meters: Meters) -> None:
        """Update the running units: rows scored, according to Spark, and meters of ended tasks."""
        self._live, self._meters = max(rows, meters.rows), meters
        if self._scored > self._marked[0]:
            self._marked = (self._scored, self._seconds)

    @property
    def _scored(self) -> int:
        return min(self.rows_done + self._live, self.rows)

    @property
    def bad(self) -> list[BadFile]:
        """Return the files that turned out to be unreadable."""
        return self.upcoming.bad

    @property
    def units(self) -> int:
        """Return the number of units of this run, as far as it is known."""
        return self.upcoming.units

    @property
    def rows(self) -> int:
        """Return the largest possible number of rows of this run, as far as it is known."""
        rows = self.upcoming.rows
        return rows if self.limit is None else min(rows, self.limit - self.rows_before)

    @property
    def rows_total(self) -> int:
        """Return the number of rows of the complete dataset, as far as it is known."""
        return self.rows_before + self.rows

    @property
    def rows_done(self) -> int:
        """Return the number of rows in this run's committed units."""
        return self.committed.rows - self.rows_before

    @property
    def units_done(self) -> int:
        """Return the number of this run's committed units."""
        return len(self.committed) - self.units_before

    @property
    def rows_per_s(self) -> float | None:
        """Return the rows per second of committed units, or None if no unit has ended."""
        return self.rows_done / self._seconds if self.units_done else None

    @property
    def _pace(self) -> float | None:
        """Return the rows per second up to the last arrival. Rows arrive in whole windows."""
        rows, seconds = self._marked
        return rows / seconds if rows else None

    def _left_s(self, pace: float, rows: int) -> int:
        """Return the seconds for the remaining rows, counting down between windows."""
        waited = self._seconds - self._marked[1]
        left = rows / pace - waited
        return round(left if left > 0 else rows * self._seconds / self._marked[0])

    @property
    def _seconds(self) -> float:
        return max(monotonic() - self.began, 1e-9)

    def facts(self, state: State) -> dict[str, Any]:
        """Return the facts for progress.json: rates of this run, sums of the whole dataset."""
        scored = self._scored if state == "running" else self.rows_done
        pace = self._pace
        live = self._meters if state == "running" else Meters()
        texts = self._texts + live.texts
        distinct = self._distinct + live.distinct_texts
        aside = [{"what": unit.what, "reason": unit.reason} for unit in self.failed]
        aside += [{"what": file.path, "reason": file.reason} for file in self.bad]
        return {
            "rows": self.rows_before + scored,  # rows done, including those of running units
            "rows_total": self.rows_total,  # rows of the complete dataset, as far as known
            "rows_per_s": pace and round(pace, 1),  # speed of this run
            # speed of this run
            "tokens_per_s": round((self._tokens + live.tokens) / self._seconds),
            "distinct_share": texts and round(distinct / texts, 4),  # share of distinct texts
            "errors": self.errors + live.statuses["error"],  # rows with the status error
            "tokens": self._tokens + live.tokens,  # tokens that this run has read
            # what the runs of this dataset have cost, if --price is given
            "cost": self.cost and round(self.cost.so_far(), 4),
            # seconds since the last row was scored
            "idle_s": round(self._seconds - self._marked[1]) if state == "running" else 0,
            "units_done": len(self.committed),  # committed units
            # units of the complete dataset, as far as known
            "units_total": self.units_before + self.units,
            "units_failed": len(self.failed) + len(self.bad),  # units and files set aside
            "set_aside": aside[:SHOWN_ASIDE],  # the first 50 of them: what, and the reason
            "workers": len(self._workers.union(live.workers)),  # workers that have scored rows
            "eta_s": pace and self._left_s(pace, self.rows - scored),  # seconds left
            "state": state,  # running, complete, stopped or failed; a killed run leaves running
            "reason": self.reason,  # why the run ended with an incomplete dataset
            "at": now(),  # when this was written: UTC, ISO 8601
        }
