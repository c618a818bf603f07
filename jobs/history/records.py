"""What is written down about a dataset, read together: the one source of every figure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder


@dataclass(frozen=True)
class Records:
    """A dataset's own account of how it came to be."""

    run: dict[str, Any]  # run.json
    units: Sequence[UnitRecord]
    manifest: dict[str, Any] | None  # None: not complete
    progress: dict[str, Any] | None  # progress.json; None: no unit was begun

    @property
    def state(self) -> str:
        """complete, stopped, failed, or running: so it says, but a killed run says so for ever."""
        if self.manifest:
            return "complete"
        return str((self.progress or {}).get("state", "failed"))

    @cached_property
    def meters(self) -> Counter[str]:
        """Sums over all units; peaks are sums too, and of no use."""
        return sum((Counter(unit.meters) for unit in self.units), Counter[str]())

    @cached_property
    def statuses(self) -> Counter[str]:
        """Status -> rows."""
        return ledger.statuses(self.units)

    @cached_property
    def workers(self) -> dict[str, Counter[str]]:
        """Worker ("host pid device backend") -> its meters."""
        found: dict[str, Counter[str]] = {}
        for unit in self.units:
            for label, sums in unit.workers.items():
                found.setdefault(label, Counter()).update(sums)
        return found

    @cached_property
    def hardware(self) -> Counter[str]:
        """What computed -> rows."""
        return sum((Counter(unit.hardware) for unit in self.units), Counter[str]())

    @property
    def rows(self) -> int:
        """In committed units."""
        return sum(unit.rows for unit in self.units)


def read_records(output: Folder) -> Records:
    """Read what semscore wrote down in a folder; UserError: it did not write there."""
    run = ledger.read_run(output)
    if run is None:
        raise UserError(
            f"{output.name} holds no dataset of semscore's: it has no {ledger.RUN}. Give the "
            "OUTPUT of a run"
        )
    return Records(run, ledger.read_units(output), *read_ends(output))


def read_ends(output: Folder) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The manifest, and how far a run was when it last said so; None: there is none."""
    contents = (output.read(name) for name in (ledger.MANIFEST, ledger.PROGRESS))
    manifest, progress = (json.loads(content or b"null") for content in contents)
    return manifest, progress


def seconds_of(moment: str) -> float:
    """A record's ISO 8601 moment, as time() has it."""
    return datetime.fromisoformat(moment).timestamp()
