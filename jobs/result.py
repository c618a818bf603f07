"""What a run has done, and what is in the dataset that it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from semscore.jobs.dataset import ledger
from semscore.jobs.dataset.folder import Folder
from semscore.jobs.errors import JobError


@dataclass(frozen=True)
class Result:
    """A complete dataset, and what this run did of it."""

    output: Folder
    manifest: dict[str, Any]
    units: Sequence[ledger.UnitRecord]  # of the whole dataset
    report: str | None = None  # where it is; None: there is none
    rows: int = 0  # that this run scored
    seconds: float = 0.0  # from the first look at INPUT to the report
    scoring_seconds: float = 0.0  # of that, from the first unit's start to the last record

    @cached_property
    def statuses(self) -> Counter[str]:
        """Status -> rows of the whole dataset."""
        return sum((Counter(unit.statuses) for unit in self.units), Counter[str]())

    @cached_property
    def score_hist(self) -> Counter[int]:
        """Bin of udfs.meters -> pairs."""
        return sum((Counter(unit.hist["score"]) for unit in self.units), Counter[int]())


def read_result(output: Folder, report: str) -> Result:
    """A complete dataset that another process has written, its report at `report` if it has one.

    Raises JobError if it is not complete.
    """
    manifest = json.loads(output.read(ledger.MANIFEST) or b"null")
    if manifest is None:
        raise JobError(f"{output.name} is not complete: it has no {ledger.MANIFEST}")
    place = output.full(report) if output.read(report) is not None else None
    return Result(output, manifest, ledger.read_units(output), place)
