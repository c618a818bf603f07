"""A run: what its units share, what is recorded of it, and the audit at its end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from threading import Event
from typing import TYPE_CHECKING, Any

from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.publish import count_rows
from semscore.jobs.dataset.source import Source
from semscore.jobs.failures.causes import sentence
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.run_id import now
from semscore.udfs.errors import AuditFailed, TooManyErrors, UnitsSetAside, UserError, some_of
from semscore.udfs.models.flops import architecture
from semscore.udfs.recipe import SCORING_VERSION, Recipe
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.storage import Storage
from semscore.udfs.version import __version__

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from semscore.jobs.ledger.lease import Lease
    from semscore.jobs.options.settings import Settings
    from semscore.jobs.preflight.checks import Model
    from semscore.jobs.preflight.precision import Settled
    from semscore.jobs.run.progress import Progress, State
    from semscore.jobs.run.stop import Stop
    from semscore.udfs.meters import Meters

log = logging.getLogger("semscore")
LIBRARIES = ("pandas", "pyarrow", "sentence-transformers", "torch", "transformers")


@dataclass(frozen=True)
class Account:
    """What a run's books are about."""

    id: str
    settings: Settings
    fingerprint: str
    source: Source
    output: Folder


@dataclass(frozen=True)
class FailedUnit:
    """A unit that could not be scored, and why."""

    what: str  # its id and files, for people
    error: Exception

    @property
    def reason(self) -> str:
        """In a sentence."""
        return sentence(self.error)


@dataclass(frozen=True)
class Run(Account):
    """What all units of a run share."""

    recipe: Recipe  # resolved
    layout: Layout
    where: str | None  # --where, with the time of now written out
    spark: SparkSession
    schema: StructType  # of the input
    storage: Storage
    lease: Lease
    stop: Stop
    meters: dict[str, Accumulator[Meters]] = field(default_factory=dict)  # of units, by what
    dropping: Event = field(default_factory=Event)  # units in work are given up
    told: set[str] = field(default_factory=set)  # notes that were shown

    def tell_progress(self, progress: Progress, state: State) -> None:
        """Write progress.json."""
        with suppress(Exception):  # nothing of this may take the place of what ends a run
            ledger.tell_progress(self.output, self.lease, progress.facts(state))

    def tell(self, notes: Iterable[str]) -> None:
        """Show what workers note of how they run, each note once."""
        for note in sorted(set(notes) - self.told):
            log.warning(note)
            self.told.add(note)


def run_record(run: Run, model: Model, settled: Settled) -> dict[str, Any]:
    """What run.json says."""
    settings = run.settings
    slices = ("columns", "rows", "engine", "target", "limits", "report")
    return {
        "v": ledger.VERSION,
        "run": run.id,
        "started": now(),
        "versions": {"semscore": __version__, "python": sys.version.split()[0]}
        # A cluster's Spark need not be a package.
        | {"pyspark": run.spark.version}
        | {name: metadata.version(name) for name in LIBRARIES},
        "master": run.spark.sparkContext.master,
        "recipe": asdict(run.recipe),
        "precision": settled.record,
        "model_sha256": model.sha256,
        "model": asdict(architecture(model.folder)),
        "int8_sha256": settled.int8_sha256,
        "scoring_version": SCORING_VERSION,
        "fingerprint": run.fingerprint,
        "input": list(settings.inputs),
        "options": {name: asdict(getattr(settings, name)) for name in slices},
        "where": run.where,
        "schema": run.schema.jsonValue(),
    }


def audit(
    account: Account,
    records: Sequence[ledger.UnitRecord],
    total: int,
    bad: Sequence[BadFile] = (),
    failed: Sequence[FailedUnit] = (),
) -> dict[str, Any]:
    """Count the output again, by its footers: the manifest, if all is there, each row once.

    `total`: rows that there should be at most, for messages.
    Raises AuditFailed if it is not, UnitsSetAside if units or files are missing that should be
    there, UserError if no file could be read and nothing is published, TooManyErrors.
    """
    require_few_errors(account, ledger.statuses(records)["error"], total)
    source, output = account.source, account.output
    rows = sum(record.rows for record in records)
    published = count_rows(output, ledger.data_files(output))
    expected = {file.path for record in records for file in record.files}
    found = sum(file.rows for file in published)
    if found != rows or {file.path for file in published} != expected:
        raise AuditFailed(
            f"{rows:,} rows were scored into {len(expected)} files, but {found:,} rows in "
            f"{len(published)} files are in {output.name}. Does something else write there?"
        )
    chosen = account.settings.rows
    aside = [f"{unit.what}: {unit.reason}" for unit in failed]
    if bad and not records and not aside:
        raise UserError(_nothing_read(bad))
    if bad and chosen.bad_files == "fail":
        aside += [f"{file.path}: {file.reason}" for file in bad]
    if aside:
        told = some_of(aside, 5, "; ")
        out = ", --bad-files skip leaves unreadable files out" if bad else ""
        raise UnitsSetAside(
            f"{found:,} of {total:,} rows are scored; set aside are {told}. --mode resume "
            f"tries them again{out}"
        )
    unread = {file.path for file in bad}
    rows_in = _rows_in(source, records, unread)
    if chosen.limit is None and (left := _in_no_unit(source, records, unread)):
        raise AuditFailed(f"files of INPUT are in no unit: {some_of(left, 5)}")
    if chosen.where is None and chosen.limit is None and found != rows_in:
        raise AuditFailed(f"INPUT has {rows_in:,} rows, but {found:,} are in {output.name}")
    return {
        "v": ledger.VERSION,
        "run": account.id,
        "fingerprint": account.fingerprint,
        "ended": now(),
        "files": [asdict(file) for file in published],
        "rows": found,
        "bytes": sum(file.bytes for file in published),
        "audit": {
            "rows_in": rows_in,
            "rows_out": found,
            "where": chosen.where,
            "limit": chosen.limit,
            "skipped_files": [asdict(file) for file in (*source.skipped, *bad)],
        },
    }


def _nothing_read(bad: Sequence[BadFile]) -> str:
    if len(bad) == 1:
        return f"{bad[0].path}: {bad[0].reason}. Replace it: INPUT has no other file"
    such = "; ".join(f"{file.path}: {file.reason}" for file in bad[:3])
    return f"INPUT: none of its {len(bad):,} files could be scored, such as {such}"


def _rows_in(source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]) -> int:
    """Rows of INPUT by its footers: read by this run, or by one before of files that are scored."""
    rows = {known["path"]: known["rows"] for record in records for known in record.sources}
    rows |= {url: count for url, (count, _) in source.counts.items()}
    return sum(rows.get(file.url, 0) for file in source.files if file.url not in unread)


def _in_no_unit(
    source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]
) -> list[str]:
    """Files that should be scored and are not."""
    taken = {known["path"] for record in records for known in record.sources}.union(unread)
    return [file.url for file in source.files if file.url not in taken]


def require_few_errors(account: Account, errors: int, total: int) -> None:
    """Raise TooManyErrors if the model failed on more of all rows than --max-error-rate allows."""
    rate = account.settings.limits.max_error_rate
    if errors > rate * total:
        raise TooManyErrors(
            f"the model failed on {errors:,} rows (status 'error'), more than --max-error-rate "
            f"{rate} allows of {total:,}; what is scored stays in {account.output.name}"
        )
