"""The scoring job, which reads parquet and writes it with scores. spark-submit runs this file.

    spark-submit jobs/score.py INPUT... OUTPUT [options]

Data flow: files -> units -> spark.read -> similarity() -> stage -> publish -> record ->
report.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from semscore.jobs.dataset.units import unit_scale
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.failures.causes import sentence
from semscore.jobs.ledger import ledger
from semscore.jobs.preflight.proving import Proving
from semscore.jobs.reporting.written import report_at_end
from semscore.jobs.run.audit import audit
from semscore.jobs.run.begin import begun, settle_with
from semscore.jobs.run.prepare import Prepared, prepare
from semscore.jobs.run.progress import Progress, State
from semscore.jobs.run.result import Result
from semscore.jobs.run.run import Run
from semscore.jobs.run.watch import watching
from semscore.jobs.run.work import score_units
from semscore.jobs.spark.session import (
    require_classic,
    session_for,
    slots,
    task_rows,
    will_be_local,
)
from semscore.jobs.spark.surroundings import of_a_run, with_variables
from semscore.udfs.errors import StoppedEarly

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


def score(settings: Settings, spark: SparkSession | None = None) -> Result:
    """Score INPUT, write the result to OUTPUT, and return a summary.

    Uses the session `spark`, or else the active session, or else a new one.

    Raises UserError before anything is written. Raises OutputInUse then, or later if another run
    takes over. Raises StoppedEarly, AuditFailed, TooManyErrors or UnitsSetAside after scoring.
    """
    with with_variables(of_a_run()):
        spark = spark or SparkSession.getActiveSession()
        require_classic(spark)
        job = prepare(settings, spark)
        if job.is_done():
            return _confirm(job)
        master = str(spark.sparkContext.master) if spark else settings.spark.master
        proving = Proving(job.model, settings.engine, will_be_local(master))  # while Spark starts
        with session_for(settings, spark) as session:
            run, settled = settle_with(session, job, proving)
            with begun(job, run, settled) as (run, earlier):
                return _score_owed(job, run, earlier)


def _confirm(job: Prepared) -> Result:
    """Audit a dataset that has no files left to score, and mark it as complete."""
    assert job.settled is not None
    log.info("there is nothing left to score")
    account, output, lease = job.account(job.settled), job.output, job.lease
    with lease:
        records = ledger.take_over(output, lease)
        job.require_unchanged()
        if job.owed(records):
            raise job.begun_anew()
        ledger.clear_remains(output, lease, records)
        manifest = audit(account, records, sum(record.rows for record in records))
        ledger.finish(output, lease, manifest)
        ledger.tell_progress(output, lease, Progress(records, Upcoming((), 0)).facts("complete"))
        report = report_at_end(output, lease, records, account.settings.report)
    return Result(
        output=output,
        manifest=manifest,
        units=records,
        record=ledger.read_run(output) or {},
        report=report,
        seconds=perf_counter() - job.began,
    )


def _score_owed(job: Prepared, run: Run, earlier: Sequence[ledger.UnitRecord]) -> Result:
    """Score what is missing, audit the dataset, and mark it as complete."""
    settings, output = run.settings, run.output
    ledger.clear_remains(output, run.lease, earlier)
    scale = unit_scale(slots(run.spark), task_rows(run.spark))
    files = job.owed(earlier)
    sized = run.source.counted(files, run.storage)
    upcoming = Upcoming(sized, sum(file.size for file in files), scale)
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
        log.info("counting the rows of OUTPUT")
        records = [*earlier, *progress.records]
        # Storage may have completed copies late.
        ledger.clear_remains(output, run.lease, records)
        manifest = audit(run, records, progress.rows_total, progress.bad, progress.failed)
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
        in_time = not run.stop.in_haste
        report = report_at_end(output, run.lease, units, settings.report) if in_time else None
    return Result(
        output=output,
        report=report,
        manifest=manifest,
        units=units,
        record=ledger.read_run(output) or {},
        rows=progress.rows_done,
        seconds=perf_counter() - job.began,
        scoring_seconds=seconds,
    )


if __name__ == "__main__":
    from semscore.jobs.cli.start import main

    sys.exit(main(["score", *sys.argv[1:]]))
