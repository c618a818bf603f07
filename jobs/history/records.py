"""All records of a dataset, read together: the single source of every figure in reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder


def embedded(run: dict[str, Any]) -> tuple[str, ...]:
    """Return the columns whose texts a run with this record embeds; empty if it scores pairs."""
    return tuple(run.get("options", {}).get("embeddings", {}).get("text", ()))


@dataclass(frozen=True)
class Records:
    """The records in a dataset of how it was computed."""

    run: dict[str, Any]  # run.json
    units: Committed
    manifest: dict[str, Any] | None  # None: the dataset is not complete
    progress: dict[str, Any] | None  # progress.json; None: no unit was started

    @property
    def state(self) -> str:
        """The recorded state: complete, stopped, failed or running.

        A run that was killed stays recorded as running.
        """
        if self.manifest:
            return "complete"
        return str((self.progress or {}).get("state", "failed"))


def read_records(output: Folder) -> Records:
    """Read the records of the dataset in a folder; UserError if semscore did not write it."""
    run = ledger.read_run(output)
    if run is None:
        raise UserError(
            f"{output.name} is not a dataset written by semscore: it has no {ledger.RUN}. Name the "
            "OUTPUT of a run"
        )
    return Records(run, ledger.read_units(output), *read_ends(output))


def read_ends(output: Folder) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Read the manifest and the last recorded progress; each is None if there is no such file."""
    contents = (output.read(name) for name in (ledger.MANIFEST, ledger.PROGRESS))
    manifest, progress = (json.loads(content or b"null") for content in contents)
    return manifest, progress


def seconds_of(moment: str) -> float:
    """Convert a record's ISO 8601 time into seconds as time() counts them."""
    return datetime.fromisoformat(moment).timestamp()
