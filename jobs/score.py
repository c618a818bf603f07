"""THE job: parquet in, parquet with scores out. Also the file that spark-submit takes.

    spark-submit jobs/score.py INPUT... OUTPUT [options]

The data's way: files -> units -> spark.read -> similarity() -> stage -> publish -> record.
"""

from __future__ import annotations

import logging
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from semscore.jobs.checks import check_folders, check_output, pin_model
from semscore.jobs.cluster.early import begin_conversion, wake_workers
from semscore.jobs.cluster.resources import resources_for
from semscore.jobs.cluster.scheduling import check_gpu_settings
from semscore.jobs.cluster.session import (
    DEFAULT_MASTER,
    by_spark_submit,
    job_session,
    slots,
    start_session,
    task_rows,
    will_be_local,
)
from semscore.jobs.dataset import frames, ledger
from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.lease import Lease, require_free
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.source import Source, SourceFile, read_source
from semscore.jobs.dataset.storage import Folder
from semscore.jobs.dataset.units import Unit, group_files, unit_scale
from semscore.jobs.errors import OutputInUse, StoppedEarly
from semscore.jobs.precision import settle
from semscore.jobs.progress import Progress, State
from semscore.jobs.resume import resumed
from semscore.jobs.run import Account, Run, audit, run_record
from semscore.jobs.stop import Stop
from semscore.jobs.work import read, score_units
from semscore.udfs.recipe import fingerprint

if TYPE_CHECKING:
    from semscore.jobs.settings import Settings

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Result:
    """What a run has done."""

    output: Folder
    manifest: dict[str, Any]
    statuses: Counter[str]  # of the whole dataset
    score_hist: Counter[int]
    rows: int  # that this run scored
    seconds: float  # from the first look at INPUT to the last record
    scoring_seconds: float  # of that, from the first unit's start


def score(settings: Settings, spark: SparkSession | None = None) -> Result:
    """Score INPUT into OUTPUT, on `spark` or the session that is active, else on one of its own.

    Raises UserError before anything is written; OutputInUse then too, or when another run takes
    over; StoppedEarly, AuditFailed, TooManyErrors or UnitsSetAside after.
    """
    start, stop = perf_counter(), Stop(settings.limits)
    source = read_source(settings.inputs, settings.rows.bad_files == "skip")
    _tell_about(source)
    layout = plan_columns(source, settings.columns, settings.target.partition_by)
    output = Folder(settings.output)
    check_output(settings, output)
    recipe, model_sha256 = pin_model(settings.recipe)
    columns = (settings.columns.text1, settings.columns.text2)
    free = require_free(output)
    id_ = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    lease = Lease(output, id_, free)
    settled = resumed(output, settings, recipe, model_sha256)
    if settled and not _owed(settings, source, ledger.read_units(output)):
        log.info("nothing is left to score")
        print_ = fingerprint(settled.recipe, model_sha256, columns, settled.int8_sha256)
        return _close(Account(id_, settings, print_, source, output), lease, start)
    spark = spark or SparkSession.getActiveSession()
    if spark is None and will_be_local(settings.spark.master):
        begin_conversion(recipe, settings.engine)
    if spark:
        check_gpu_settings(dict(spark.sparkContext.getConf().getAll()), settings.engine.device)
    started = spark or _start(settings)
    try:
        if spark is None:
            wake_workers(started)
        own = job_session(started)
        schema = frames.read_schema(own, source)
        frames.bound_batches(own, source, *columns)
        begins = settled is None
        settled = settled or settle(own, settings, source, schema, recipe, model_sha256)
        run = Run(
            id=id_,
            settings=settings,
            recipe=settled.recipe,
            fingerprint=fingerprint(settled.recipe, model_sha256, columns, settled.int8_sha256),
            source=source,
            layout=layout,
            output=output,
            spark=own,
            schema=schema,
            lease=lease,
            stop=stop,
        )
        seen = source.files if layout.regroups(source) else source.files[:1]  # for --where
        check_folders(read(run, own, seen), source, layout)
        with lease, stop.signals():
            if settings.target.mode == "overwrite":
                ledger.remove_dataset(output, lease, id_)
            run = replace(run, recipe=settled.keep(output))
            if begins:
                ledger.begin(output, lease, run_record(run, model_sha256, settled))
            elif resumed(output, settings, recipe, model_sha256) != settled:
                raise _begun_anew(output)
            result = _score_owed(run, start)
    finally:
        if spark is None:
            with suppress(Exception):  # it may be gone, for a reason that is told
                started.stop()
    return result


def _score_owed(run: Run, start: float) -> Result:
    """Score what is missing, check that all is there, and declare the dataset complete."""
    settings, output = run.settings, run.output
    earlier = ledger.clear_remains(output, run.lease)
    scale = unit_scale(slots(run.spark), task_rows(run.spark))
    units = group_files(_owed(settings, run.source, earlier), scale)
    ledger.reopen(output, run.lease, run.id)
    before_units = perf_counter()
    progress = Progress(earlier, len(units), _rows_left(settings, units, earlier))
    state: State = "failed"
    try:
        run.tell_progress(progress, "running")
        score_units(run, units, progress)
        manifest = audit(run, [*earlier, *progress.records], progress.bad, progress.failed)
        ledger.finish(output, run.lease, manifest)
        state = "complete"
    except StoppedEarly:
        state = "stopped"
        raise
    finally:
        run.tell_progress(progress, state)
    return _result(output, manifest, earlier, progress.records, start, before_units)


def _close(account: Account, lease: Lease, start: float) -> Result:
    """Declare a dataset complete to which nothing is to be added, if all of it is there."""
    output = account.output
    with lease:
        records = ledger.clear_remains(output, lease)
        if _owed(account.settings, account.source, records):
            raise _begun_anew(output)
        manifest = audit(account, records)
        ledger.finish(output, lease, manifest)
        ledger.tell_progress(output, lease, Progress(records, 0, 0).facts("complete"))
    return _result(output, manifest, records, (), start, perf_counter())


def _owed(
    settings: Settings, source: Source, records: Sequence[ledger.UnitRecord]
) -> tuple[SourceFile, ...]:
    """The files to score beside what is recorded; none if --limit is reached."""
    files = owed(source.files, records)
    limit = settings.rows.limit
    return () if limit and sum(record.rows for record in records) >= limit else files


def _rows_left(
    settings: Settings, units: Sequence[Unit], earlier: Sequence[ledger.UnitRecord]
) -> int:
    """Rows for this run to score, at most."""
    rows = sum(unit.rows for unit in units)
    limit = settings.rows.limit
    return rows if limit is None else min(rows, limit - sum(record.rows for record in earlier))


def _begun_anew(output: Folder) -> OutputInUse:
    return OutputInUse(f"another run wrote to OUTPUT {output.local} meanwhile; start again")


def _start(settings: Settings) -> SparkSession:
    master, conf = settings.spark.master, settings.spark.pairs
    if not by_spark_submit():
        resources = resources_for(settings, master or DEFAULT_MASTER)
        master, conf = resources.master, resources.conf | conf
    return start_session(master, conf, settings.run.debug, settings.engine.device)


def _result(
    output: Folder,
    manifest: dict[str, Any],
    earlier: Sequence[ledger.UnitRecord],
    records: Sequence[ledger.UnitRecord],
    start: float,
    before_units: float,
) -> Result:
    every = [*earlier, *records]
    return Result(
        output=output,
        manifest=manifest,
        statuses=sum((Counter(record.statuses) for record in every), Counter[str]()),
        score_hist=sum((Counter(record.hist["score"]) for record in every), Counter[int]()),
        rows=sum(record.rows for record in records),
        seconds=perf_counter() - start,
        scoring_seconds=perf_counter() - before_units,
    )


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


if __name__ == "__main__":
    from semscore.jobs.cli import main

    sys.exit(main(["score", *sys.argv[1:]]))
