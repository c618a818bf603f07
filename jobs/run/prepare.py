"""Prepare a run without Spark: its files, columns, model, OUTPUT, and what is left to score."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pyspark.sql import SparkSession

from semscore.jobs.dataset.columns import Layout, plan_columns
from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.owed import outdated, outgrown, owed
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.table_source import require_columns_as_before
from semscore.jobs.diagnosis.preflight import preflight
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed, CommittedUnit
from semscore.jobs.ledger.lease import Lease, require_free
from semscore.jobs.ledger.run_id import new_id
from semscore.jobs.options.settings import Settings
from semscore.jobs.preflight.checks import (
    Model,
    check_gold,
    check_output,
    pin_model,
    require_embeds,
    without_model,
)
from semscore.jobs.preflight.output_format import check_format
from semscore.jobs.preflight.precision import Settled
from semscore.jobs.preflight.vector_store import check_vector_store
from semscore.jobs.run.fingerprints import fingerprint_of
from semscore.jobs.run.resume import resumed
from semscore.jobs.run.run import Account
from semscore.jobs.run.stop import Stop
from semscore.jobs.spark.s3a import s3a_settings
from semscore.jobs.table_logs.opening import locations
from semscore.udfs.errors import OutputInUse, UserError
from semscore.udfs.models.fitted import require_vectors
from semscore.udfs.models.token_limit import corrections
from semscore.udfs.recipe import described_model
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.registry import Storage

PANDAS_INDEX = "__index_level_0__"
log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Prepared:
    """Everything about a run that can be known without Spark. Nothing is written yet."""

    id: str
    settings: Settings
    began: float  # as from perf_counter()
    stop: Stop
    s3a: dict[str, str]  # S3A's settings
    storage: Storage
    source: Source
    layout: Layout
    output: Folder
    model: Model
    corrections: dict[str, Any]  # see token_limit.corrections
    lease: Lease
    settled: Settled | None  # how the resumed dataset was started; None for a new one
    begun_limit: int | None  # the --limit with which it was started
    committed: Committed | None  # its units

    def fingerprint(self, settled: Settled) -> str:
        """Return the fingerprint, which identifies the scores or embeddings."""
        return fingerprint_of(self.settings, settled, self.model.sha256, self.corrections)

    def account(self, settled: Settled) -> Account:
        """Return the facts that the run's records are about."""
        return Account(self.id, self.settings, self.fingerprint(settled), self.source, self.output)

    def is_superseded(self, unit: CommittedUnit) -> bool:
        """Return whether a unit of the resumed dataset no longer counts.

        Its rows are then scored again by this run, as far as INPUT still has them.
        """
        rows = self.settings.rows
        if rows.follow and outdated(unit, self.source.by_url):
            return True
        return outgrown(unit, self.begun_limit, rows.limit)

    def owed(self, units: Sequence[CommittedUnit]) -> tuple[SourceFile, ...]:
        """Return the files that are not, or only partly, in some units; none if --limit is reached.

        Raises UserError if they have more rows than that.
        """
        limit, rows = self.settings.rows.limit, sum(unit.rows for unit in units)
        if limit is None or rows < limit:
            return owed(self.source.files, units, self.source.table)
        if rows > limit:
            raise UserError(
                f"OUTPUT {self.output.name} has {counted(rows, 'row')} already, more than --limit "
                f"{limit:,}. Use a larger limit, or another OUTPUT"
            )
        return ()

    def is_done(self) -> bool:
        """Return whether the resumed dataset has no rows left to score."""
        if self.committed is None:
            return False
        return not self.owed([unit for unit in self.committed if not self.is_superseded(unit)])

    def require_unchanged(self) -> None:
        """Raise OutputInUse if another run has started the dataset differently meanwhile."""
        if _resumed(self.settings, self.output, self.model, self.corrections) != self.settled:
            raise self.begun_anew()

    def record_snapshot(self) -> None:
        """Record, as the holder of the lease, that the dataset has the scores of this snapshot."""
        table, record = self.source.table, ledger.read_run(self.output)
        if table and record and record.get("snapshot") != table.record:
            ledger.write_run(self.output, self.lease, record | {"snapshot": table.record})

    def begun_anew(self) -> OutputInUse:
        """Return the error for the case that another run was faster."""
        return OutputInUse(f"another run wrote to OUTPUT {self.output.name} meanwhile. Start again")


def prepare(settings: Settings, spark: SparkSession | None) -> Prepared:
    """Inspect INPUT, OUTPUT and the model. `spark`: a session that runs already, or None.

    Raises UserError for what cannot be scored or written, and OutputInUse if another run is
    writing to OUTPUT.
    """
    began, stop, id_ = perf_counter(), Stop(settings.limits), new_id()
    places = (*locations(settings.inputs), settings.output)
    s3a = s3a_settings(places, settings.spark.pairs, spark)
    storage = Storage(s3a)
    skip = settings.rows.bad_files == "skip"
    log.info("listing the files of INPUT")
    source = read_source(
        settings.inputs, skip, storage, columns_read(settings), _snapshot(settings, storage)
    )
    if settings.rows.follow and source.table is None:
        raise UserError("--follow is for Delta and Iceberg tables, and INPUT is none")
    _log_notes(source)
    layout = plan_columns(source, settings)
    check_gold(settings, source, layout)
    output = check_output(settings, storage)
    check_format(settings, layout, output)
    check_vector_store(settings, storage, output)
    if settings.run.preflight:
        preflight(settings, source, output, spark)
    model, corrected = _model(settings)
    lease = Lease(output, id_, require_free(output))
    if settings.target.mode == "resume":
        require_columns_as_before(source.table, source.reads, ledger.read_run(output))
    settled = _resumed(settings, output, model, corrected)
    return Prepared(
        id=id_,
        settings=settings,
        began=began,
        stop=stop,
        s3a=s3a,
        storage=storage,
        source=source,
        layout=layout,
        output=output,
        model=model,
        corrections=corrected,
        lease=lease,
        settled=settled,
        begun_limit=ledger.recorded_limit(output) if settled else None,
        committed=ledger.read_units(output) if settled else None,
    )


def _snapshot(settings: Settings, storage: Storage) -> str | None:
    """Return which snapshot is to be read: if nothing says so, that of the resumed dataset."""
    rows = settings.rows
    if rows.snapshot or rows.follow or settings.target.mode != "resume":
        return rows.snapshot
    record = ledger.read_run(storage.folder(settings.output)) or {}
    same = record.get("input") == list(settings.inputs)
    return str(record["snapshot"]["id"]) if same and record.get("snapshot") else None


def _model(settings: Settings) -> tuple[Model, dict[str, Any]]:
    """Find and check the model, if there is one. Return it and its corrections."""
    recipe = settings.recipe
    if not settings.needs_model:
        return without_model(recipe), {}
    log.info("looking for model %s", described_model(recipe.model, recipe.revision))
    model = pin_model(recipe)
    assert model.folder is not None
    if settings.embeds:
        require_embeds(model)
    if settings.engine.vector_store:
        require_vectors(model.recipe, model.folder)
    return model, corrections(model.folder, model.recipe.max_seq_length)


def _resumed(
    settings: Settings, output: Folder, model: Model, corrections: dict[str, Any]
) -> Settled | None:
    return resumed(output, settings, model.recipe, model.sha256, corrections)


def _log_notes(source: Source) -> None:
    for bad in source.skipped:
        log.warning("set aside %s: %s", bad.path, bad.reason)
    if source.ignored:
        log.warning(
            "ignored %s whose extension is not .parquet, .parq or .pq, such as %s",
            counted(len(source.ignored), "file"),
            source.ignored[0],
        )
    if PANDAS_INDEX in source.types and PANDAS_INDEX in source.reads:
        log.info(
            "column %r is an index that pandas wrote. It is kept like any other column, unless "
            "--keep leaves it out",
            PANDAS_INDEX,
        )
    for name in source.nanoseconds:
        log.warning("column %r: timestamps are truncated from nanoseconds to microseconds", name)
