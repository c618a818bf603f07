"""THE job: parquet in, parquet with scores out. Also the file that spark-submit takes.

    spark-submit jobs/score.py INPUT... OUTPUT [options]

The data's way: files -> units -> spark.read -> similarity() -> stage -> publish -> record ->
report.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.condition import settled_where
from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.partitions import check_folders
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import Source, read_source
from semscore.jobs.dataset.units import unit_scale
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.diagnosis.preflight import preflight
from semscore.jobs.failures.causes import sentence
from semscore.jobs.hosts.resources import resources_for
from semscore.jobs.hosts.scheduling import check_gpu_settings
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.lease import Lease, require_free
from semscore.jobs.ledger.run_id import new_id
from semscore.jobs.preflight.checks import check_gold, check_output, pin_model
from semscore.jobs.preflight.precision import settle
from semscore.jobs.preflight.proving import Proving
from semscore.jobs.reporting.written import report_at_end
from semscore.jobs.run.progress import Progress, State
from semscore.jobs.run.reading import read
from semscore.jobs.run.result import Result
from semscore.jobs.run.resume import resumed
from semscore.jobs.run.run import Account, Run, audit, run_record
from semscore.jobs.run.stop import Stop
from semscore.jobs.run.watch import watching
from semscore.jobs.run.work import score_units
from semscore.jobs.spark.early import Waking
from semscore.jobs.spark.s3a import s3a_settings, use_s3a
from semscore.jobs.spark.session import (
    DEFAULT_MASTER,
    by_spark_submit,
    job_session,
    require_classic,
    slots,
    spark_settings,
    start_session,
    task_rows,
    will_be_local,
)
from semscore.jobs.spark.surroundings import changed, of_a_run
from semscore.udfs.errors import OutputInUse, StoppedEarly
from semscore.udfs.models.token_limit import corrections
from semscore.udfs.recipe import fingerprint
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.local_folder import as_it_was
from semscore.udfs.stores.storage import Storage

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


def score(settings: Settings, spark: SparkSession | None = None) -> Result:
    """Score INPUT into OUTPUT, on `spark` or the session that is active, else on one of its own.

    Raises UserError before anything is written; OutputInUse then too, or when another run takes
    over; StoppedEarly, AuditFailed, TooManyErrors or UnitsSetAside after.
    """
    require_classic(spark or SparkSession.getActiveSession())
    with changed(of_a_run()):
        return _score(settings, spark)


def _score(settings: Settings, spark: SparkSession | None) -> Result:
    start, stop = perf_counter(), Stop(settings.limits)
    id_ = new_id()
    s3a = s3a_settings(settings, spark or SparkSession.getActiveSession())
    storage = Storage(s3a)
    skip = settings.rows.bad_files == "skip"
    source = read_source(settings.inputs, skip, storage, columns_read(settings))
    _tell_about(source)
    layout = plan_columns(source, settings.columns, settings.target.partition_by)
    check_gold(settings.report, settings.columns, layout)
    output = check_output(settings, storage)
    if settings.run.preflight:
        preflight(settings, source, output, spark or SparkSession.getActiveSession())
    model = pin_model(settings.recipe)
    recipe, model_sha256, folder = model
    corrected = corrections(folder, recipe.max_seq_length)
    columns = (settings.columns.text1, settings.columns.text2)
    free = require_free(output)
    lease = Lease(output, id_, free)
    settled = resumed(output, settings, recipe, model_sha256, corrected)
    if settled and not _owed(settings, source, ledger.read_units(output)):
        log.info("nothing is left to score")
        print_ = fingerprint(settled.recipe, model_sha256, columns, settled.int8_sha256, corrected)
        account = Account(id_, settings, print_, source, output)
        with lease:
            records = ledger.take_over(output, lease)
            now = resumed(output, settings, recipe, model_sha256, corrected)
            if now != settled or _owed(settings, source, records):
                raise _begun_anew(output)
            return _close(account, records, lease, start)
    spark = spark or SparkSession.getActiveSession()
    master = str(spark.sparkContext.master) if spark else settings.spark.master
    proving = Proving(model, settings.engine, will_be_local(master))
    if spark:
        check_gpu_settings(spark_settings(spark), settings.engine.device)
    started = spark or _start(settings)
    try:
        waking = Waking(started)
        use_s3a(started, s3a)
        own = job_session(started)
        schema = frames.read_schema(own, source)
        frames.bound_batches(own, source, *columns)
        looks = frames.lenient(job_session(started))  # what is bad is told when it is its turn
        frames.bound_batches(looks, source, *columns)
        some = frames.read_files(looks, schema, source, source.filled_files[:1])
        where = ledger.recorded_where(output) if settled else None
        where = where or settled_where(some, settings.rows.where)
        waking.require()
        proving.require()
        begins = settled is None
        settled = settled or settle(looks, settings, source, schema, recipe, model_sha256)
        run = Run(
            id=id_,
            settings=settings,
            recipe=settled.recipe,
            fingerprint=fingerprint(
                settled.recipe, model_sha256, columns, settled.int8_sha256, corrected
            ),
            source=source,
            layout=layout,
            where=where,
            output=output,
            spark=own,
            schema=schema,
            storage=storage,
            lease=lease,
            stop=stop,
        )
        seen = source.files if layout.regroups(source) else source.filled_files[:1]  # for --where
        check_folders(read(run, looks, seen), source, layout, output)
        with as_it_was(output), lease, ledger.unless_refused(output, lease), stop.signals():
            afresh = settings.target.mode == "overwrite"
            earlier = ledger.take_over(output, lease, afresh)
            if not begins:
                now = resumed(output, settings, recipe, model_sha256, corrected)
                if now != settled:
                    raise _begun_anew(output)
            run = replace(run, recipe=settled.keep(output))
            record = run_record(run, model, settled)
            if begins and not afresh:
                ledger.begin(output, lease, record)
            ledger.reopen(output, lease, id_)
            if afresh:
                ledger.replace_run(output, lease, record)
            result = _score_owed(run, earlier, start)
    finally:
        if spark is None:
            with suppress(Exception):  # it may be gone, for a reason that is told
                started.stop()
    return result


def _score_owed(run: Run, earlier: Sequence[ledger.UnitRecord], start: float) -> Result:
    """Score what is missing, check that all is there, and declare the dataset complete."""
    settings, output = run.settings, run.output
    ledger.clear_remains(output, run.lease, earlier)
    scale = unit_scale(slots(run.spark), task_rows(run.spark))
    files = _owed(settings, run.source, earlier)
    counted = run.source.counted(files, run.storage)
    upcoming = Upcoming(counted, sum(file.size for file in files), scale)
    if run.source.counts.keys() >= {file.url for file in files}:
        upcoming.make_all()
    before_units = perf_counter()
    progress = Progress(earlier, upcoming, settings.rows.limit)
    state: State = "failed"
    try:
        upcoming.peek()
        run.tell_progress(progress, "running")
        with watching(settings.run) as show:
            score_units(run, progress, show)
        every = [*earlier, *progress.records]
        ledger.clear_remains(output, run.lease, every)  # copies that took effect late
        manifest = audit(run, every, progress.rows_total, progress.bad, progress.failed)
        ledger.finish(output, run.lease, manifest)
        state = "complete"
    except StoppedEarly as error:
        state, progress.reason = "stopped", str(error)
        raise
    except Exception as error:
        progress.reason = sentence(error)
        raise
    finally:
        upcoming.close()
        run.tell_progress(progress, state)
        units = [*earlier, *progress.records]
        seconds = perf_counter() - before_units
        wanted = not run.stop.in_haste
        report = report_at_end(output, run.lease, units, settings.report) if wanted else None
    return Result(
        output=output,
        report=report,
        manifest=manifest,
        units=units,
        rows=progress.rows_done,
        seconds=perf_counter() - start,
        scoring_seconds=seconds,
    )


def _close(
    account: Account, records: Sequence[ledger.UnitRecord], lease: Lease, start: float
) -> Result:
    """Declare a dataset complete to which nothing is to be added, if all of it is there."""
    output = account.output
    ledger.clear_remains(output, lease, records)
    manifest = audit(account, records, sum(record.rows for record in records))
    ledger.finish(output, lease, manifest)
    ledger.tell_progress(output, lease, Progress(records, Upcoming((), 0)).facts("complete"))
    report = report_at_end(output, lease, records, account.settings.report)
    return Result(output, manifest, records, report, seconds=perf_counter() - start)


def _owed(
    settings: Settings, source: Source, records: Sequence[ledger.UnitRecord]
) -> tuple[SourceFile, ...]:
    """The files to score beside what is recorded; none if --limit is reached."""
    files = owed(source.files, records)
    limit = settings.rows.limit
    return () if limit and sum(record.rows for record in records) >= limit else files


def _begun_anew(output: Folder) -> OutputInUse:
    return OutputInUse(f"another run wrote to OUTPUT {output.name} meanwhile; start again")


def _start(settings: Settings) -> SparkSession:
    master, conf = settings.spark.master, settings.spark.pairs
    if not by_spark_submit():
        resources = resources_for(settings, master or DEFAULT_MASTER)
        master, conf = resources.master, resources.conf | conf
    return start_session(master, conf, settings.run.debug, settings.engine.device)


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
    from semscore.jobs.cli.start import main

    sys.exit(main(["score", *sys.argv[1:]]))
