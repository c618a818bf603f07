"""What a run knows before Spark is there: its files, columns, model, OUTPUT, and what is owed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pyspark.sql import SparkSession

from semscore.jobs.dataset.columns import Layout, plan_columns
from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import Source, read_source
from semscore.jobs.diagnosis.preflight import preflight
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.lease import Lease, require_free
from semscore.jobs.ledger.run_id import new_id
from semscore.jobs.options.settings import Settings
from semscore.jobs.preflight.checks import Model, check_gold, check_output, pin_model
from semscore.jobs.preflight.precision import Settled
from semscore.jobs.run.resume import resumed
from semscore.jobs.run.run import Account
from semscore.jobs.run.stop import Stop
from semscore.jobs.spark.s3a import s3a_settings
from semscore.udfs.errors import OutputInUse
from semscore.udfs.models.token_limit import corrections
from semscore.udfs.recipe import fingerprint
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.registry import Storage

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Prepared:
    """A run of which all is known that can be known without Spark; nothing is written yet."""

    id: str
    settings: Settings
    began: float  # as perf_counter() has it
    stop: Stop
    s3a: dict[str, str]  # S3A's settings
    storage: Storage
    source: Source
    layout: Layout
    output: Folder
    model: Model
    corrections: dict[str, Any]  # see token_limit.corrections
    lease: Lease
    settled: Settled | None  # how the dataset was begun that is resumed; None: it begins

    @property
    def text_columns(self) -> tuple[str, str]:
        """The two that are scored."""
        return self.settings.columns.text1, self.settings.columns.text2

    def fingerprint(self, settled: Settled) -> str:
        """The identity of the scores."""
        parts = (settled.recipe, self.model.sha256, self.text_columns, settled.int8_sha256)
        return fingerprint(*parts, self.corrections)

    def account(self, settled: Settled) -> Account:
        """What its books are about."""
        return Account(self.id, self.settings, self.fingerprint(settled), self.source, self.output)

    def owed(self, records: Sequence[ledger.UnitRecord]) -> tuple[SourceFile, ...]:
        """The files to score beside what is recorded; none if --limit is reached."""
        limit = self.settings.rows.limit
        reached = limit and sum(record.rows for record in records) >= limit
        return () if reached else owed(self.source.files, records)

    def is_done(self) -> bool:
        """Whether the dataset that is resumed lacks nothing."""
        return self.settled is not None and not self.owed(ledger.read_units(self.output))

    def require_unchanged(self) -> None:
        """Raise OutputInUse if another run has begun the dataset differently meanwhile."""
        if _resumed(self.settings, self.output, self.model, self.corrections) != self.settled:
            raise self.begun_anew()

    def begun_anew(self) -> OutputInUse:
        """What to raise where another run was faster."""
        return OutputInUse(f"another run wrote to OUTPUT {self.output.name} meanwhile; start again")


def prepare(settings: Settings, spark: SparkSession | None) -> Prepared:
    """Look at INPUT, OUTPUT and the model; `spark`: a session that runs already.

    Raises UserError for what cannot be scored or written, OutputInUse if another run writes there.
    """
    began, stop, id_ = perf_counter(), Stop(settings.limits), new_id()
    s3a = s3a_settings((*settings.inputs, settings.output), settings.spark.pairs, spark)
    storage = Storage(s3a)
    skip = settings.rows.bad_files == "skip"
    reads = columns_read(settings.columns, settings.target.partition_by, settings.rows.where)
    source = read_source(settings.inputs, skip, storage, reads)
    _tell_about(source)
    layout = plan_columns(source, settings.columns, settings.target.partition_by)
    check_gold(settings.report, settings.columns, layout)
    output = check_output(settings, storage)
    if settings.run.preflight:
        preflight(settings, source, output, spark)
    model = pin_model(settings.recipe)
    corrected = corrections(model.folder, model.recipe.max_seq_length)
    lease = Lease(output, id_, require_free(output))
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
        settled=_resumed(settings, output, model, corrected),
    )


def _resumed(
    settings: Settings, output: Folder, model: Model, corrections: dict[str, Any]
) -> Settled | None:
    return resumed(output, settings, model.recipe, model.sha256, corrections)


def _tell_about(source: Source) -> None:
    for bad in source.skipped:
        log.warning("set aside %s: %s", bad.path, bad.reason)
    if source.ignored:
        log.warning(
            "ignored %d files that do not end like parquet, such as %s",
            len(source.ignored),
            source.ignored[0],
        )
    for name in source.nanoseconds:
        log.warning("column %r: timestamps are cut from nanoseconds to microseconds", name)
