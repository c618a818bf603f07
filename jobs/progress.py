"""What became of the units so far, and how that is told to whoever follows from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from semscore.jobs.dataset.ledger import UnitRecord
from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.run import FailedUnit, now

State = Literal["running", "complete", "stopped", "failed"]


@dataclass
class Progress:
    """The units of a run that have ended, beside those that were there before."""

    earlier: Sequence[UnitRecord]
    upcoming: Upcoming
    limit: int | None = None  # rows of the dataset
    records: list[UnitRecord] = field(default_factory=list)
    failed: list[FailedUnit] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

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
    def rows_before(self) -> int:
        """Rows of the units that were there before."""
        return sum(record.rows for record in self.earlier)

    @property
    def rows_total(self) -> int:
        """Rows of the dataset in the end, as far as is known."""
        return self.rows_before + self.rows

    @property
    def rows_done(self) -> int:
        """Rows of this run's committed units."""
        return sum(record.rows for record in self.records)

    @property
    def rows_per_s(self) -> float | None:
        """Since the first unit began; None: no unit has ended."""
        return self.rows_done / max(monotonic() - self.began, 1e-9) if self.records else None

    def facts(self, state: State) -> dict[str, Any]:
        """For progress.json. Rates are of this run, sums of the whole dataset."""
        every = [*self.earlier, *self.records]
        pace = self.rows_per_s
        seconds = max(monotonic() - self.began, 1e-9)
        texts = sum(record.meters["texts"] for record in every)
        return {
            "rows": self.rows_before + self.rows_done,
            "rows_total": self.rows_total,
            "rows_per_s": pace and round(pace, 1),
            "tokens_per_s": round(sum(r.meters["tokens"] for r in self.records) / seconds),
            "distinct_share": texts
            and round(sum(record.meters["distinct_texts"] for record in every) / texts, 4),
            "errors": sum(record.statuses.get("error", 0) for record in every),
            "units_done": len(every),
            "units_total": len(self.earlier) + self.units,
            "units_failed": len(self.failed) + len(self.bad),
            "workers": len({worker for record in self.records for worker in record.workers}),
            "eta_s": pace and round((self.rows - self.rows_done) / pace),
            "state": state,
            "at": now(),
        }
