"""A run: what its units share, what is recorded of it, and the audit at its end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING, Any

from semscore.jobs.dataset import ledger
from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.publish import count_rows
from semscore.jobs.dataset.source import BadFile, Source
from semscore.jobs.dataset.storage import Folder
from semscore.jobs.errors import AuditFailed, UnitsSetAside
from semscore.udfs.recipe import Recipe
from semscore.udfs.version import __version__

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from semscore.jobs.settings import Settings

log = logging.getLogger("semscore")
LIBRARIES = ("pandas", "pyarrow", "pyspark", "sentence-transformers", "torch", "transformers")


@dataclass(frozen=True)
class Run:
    """What all units of a run share."""

    id: str
    settings: Settings
    recipe: Recipe  # resolved
    fingerprint: str
    source: Source
    layout: Layout
    output: Folder
    spark: SparkSession
    schema: StructType  # of the input
    told: set[str] = field(default_factory=set)  # notes that were shown

    @property
    def total(self) -> str:
        """Rows of the input, for people."""
        return f"{self.source.rows:,}"

    def tell(self, notes: Iterable[str]) -> None:
        """Show what workers note of how they run, each note once."""
        for note in sorted(set(notes) - self.told):
            log.warning(note)
            self.told.add(note)


def run_record(run: Run, model_sha256: str, precision: dict[str, Any]) -> dict[str, Any]:
    """What run.json says; `precision`: how that was settled."""
    settings = run.settings
    slices = ("columns", "rows", "engine", "target", "limits")
    return {
        "v": ledger.VERSION,
        "run": run.id,
        "started": now(),
        "versions": {"semscore": __version__, "python": sys.version.split()[0]}
        | {name: metadata.version(name) for name in LIBRARIES},
        "master": run.spark.sparkContext.master,
        "recipe": asdict(run.recipe),
        "precision": precision,
        "model_sha256": model_sha256,
        "fingerprint": run.fingerprint,
        "input": list(settings.inputs),
        "options": {name: asdict(getattr(settings, name)) for name in slices},
        "schema": run.schema.jsonValue(),
    }


def audit(run: Run, records: list[ledger.UnitRecord], bad: list[BadFile]) -> dict[str, Any]:
    """Count the output again, by its footers: the manifest, if all is there, each row once."""
    rows = sum(record.rows for record in records)
    published = count_rows(run.output, ledger.data_files(run.output))
    expected = {file.path for record in records for file in record.files}
    found = sum(file.rows for file in published)
    if found != rows or {file.path for file in published} != expected:
        raise AuditFailed(
            f"{rows:,} rows were scored into {len(expected)} files, but {found:,} rows in "
            f"{len(published)} files are in {run.output.local}. Does something else write there?"
        )
    if bad and run.settings.rows.bad_files == "fail":
        raise UnitsSetAside(
            f"{found:,} of {run.total} rows are scored; the units of these unreadable files are "
            f"not: {', '.join(file.path for file in bad)}. Replace the files and score again, or "
            "leave them out with --bad-files skip"
        )
    unread = {file.path for file in bad}
    rows_in = sum(file.rows for file in run.source.files if file.url not in unread)
    chosen = run.settings.rows
    if chosen.where is None and chosen.limit is None and found != rows_in:
        raise AuditFailed(f"INPUT has {rows_in:,} rows, but {found:,} are in {run.output.local}")
    return {
        "v": ledger.VERSION,
        "run": run.id,
        "fingerprint": run.fingerprint,
        "ended": now(),
        "files": [asdict(file) for file in published],
        "rows": found,
        "bytes": sum(file.bytes for file in published),
        "audit": {
            "rows_in": rows_in,
            "rows_out": found,
            "where": chosen.where,
            "limit": chosen.limit,
            "skipped_files": [asdict(file) for file in (*run.source.skipped, *bad)],
        },
    }


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
