"""THE job: parquet in, parquet with scores out. Also the file that spark-submit takes.

    spark-submit jobs/score.py INPUT... OUTPUT [options]

The data's way: files -> units -> spark.read -> similarity() -> stage -> publish -> record.
"""

from __future__ import annotations

import logging
import sys
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from semscore.jobs.checks import apply_where, check_folders, check_output, pin_model
from semscore.jobs.cluster.early import begin_conversion, wake_workers
from semscore.jobs.cluster.resources import resources_for
from semscore.jobs.cluster.scheduling import check_gpu_settings
from semscore.jobs.cluster.session import (
    DEFAULT_MASTER,
    by_spark_submit,
    job_session,
    slots,
    start_session,
    will_be_local,
)
from semscore.jobs.dataset import frames, ledger
from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.publish import discard_staging, publish, stage
from semscore.jobs.dataset.source import BadFile, Source, SourceFile, read_source, unreadable_files
from semscore.jobs.dataset.storage import Folder
from semscore.jobs.dataset.units import Unit, group_files
from semscore.jobs.errors import AuditFailed, TooManyErrors
from semscore.jobs.precision import settle
from semscore.jobs.run import Run, audit, now, run_record
from semscore.udfs import similarity
from semscore.udfs.meters import Meters, MetersParam
from semscore.udfs.recipe import fingerprint

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from semscore.jobs.settings import Settings

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Result:
    """What a run has done."""

    output: Folder
    manifest: dict[str, Any]
    statuses: Counter[str]
    score_hist: Counter[int]
    seconds: float  # from the first look at INPUT to the last record
    scoring_seconds: float  # of that, from the first unit's start


def score(settings: Settings, spark: SparkSession | None = None) -> Result:
    """Score INPUT into OUTPUT, on `spark` or the session that is active, else on one of its own.

    Raises UserError before anything is written; AuditFailed, TooManyErrors or UnitsSetAside after.
    """
    start = perf_counter()
    source = read_source(settings.inputs, settings.rows.bad_files == "skip")
    _tell_about(source)
    layout = plan_columns(source, settings.columns, settings.target.partition_by)
    output = Folder(settings.output)
    check_output(settings, output)
    recipe, model_sha256 = pin_model(settings.recipe)
    columns = (settings.columns.text1, settings.columns.text2)
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
        settled = settle(own, settings, source, schema, recipe, model_sha256)
        run = Run(
            id=f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
            settings=settings,
            recipe=settled.recipe,
            fingerprint=fingerprint(settled.recipe, model_sha256, columns, settled.int8_sha256),
            source=source,
            layout=layout,
            output=output,
            spark=own,
            schema=schema,
        )
        seen = source.files if layout.regroups(source) else source.files[:1]  # for --where
        check_folders(_read(run, seen), source, layout)
        if settings.target.mode == "overwrite":
            ledger.remove_dataset(output)
        ledger.begin(output, run_record(run, model_sha256, settled.record))
        run = replace(run, recipe=settled.keep(output))
        before_units = perf_counter()
        records, bad = _score_units(run)
        manifest = audit(run, records, bad)
        ledger.finish(output, manifest)
    finally:
        if spark is None:
            started.stop()
    return Result(
        output=output,
        manifest=manifest,
        statuses=sum((Counter(record.statuses) for record in records), Counter[str]()),
        score_hist=sum((Counter(record.hist["score"]) for record in records), Counter[int]()),
        seconds=perf_counter() - start,
        scoring_seconds=perf_counter() - before_units,
    )


def _start(settings: Settings) -> SparkSession:
    master, conf = settings.spark.master, settings.spark.pairs
    if not by_spark_submit():
        resources = resources_for(settings, master or DEFAULT_MASTER)
        master, conf = resources.master, resources.conf | conf
    return start_session(master, conf, settings.run.debug, settings.engine.device)


def _score_units(run: Run) -> tuple[list[ledger.UnitRecord], list[BadFile]]:
    """Score all units, one after another: their records, and files that turned out unreadable."""
    records: list[ledger.UnitRecord] = []
    all_bad: list[BadFile] = []
    left = run.settings.rows.limit
    done = 0
    units = group_files(run.source.files)
    log.info("scoring %s rows in %d units", run.total, len(units))
    for number, unit in enumerate(units, start=1):
        record, bad = _score_readable(run, unit, left)
        all_bad += bad
        done += unit.rows
        log.info("unit %d of %d: %s of %s rows", number, len(units), f"{done:,}", run.total)
        if record is None:
            continue
        records.append(record)
        _require_few_errors(run, records)
        if left is not None:
            left -= record.rows
            if left <= 0:
                break
    return records, all_bad


def _score_readable(
    run: Run, unit: Unit, limit: int | None
) -> tuple[ledger.UnitRecord | None, list[BadFile]]:
    """Score a unit; if that fails for files with broken data, say which.

    With --bad-files skip the unit is scored without them, else it is set aside.
    """
    try:
        return _score_unit(run, unit, limit), []
    except AuditFailed:
        raise
    except Exception:
        bad = unreadable_files(unit.files)
        if not bad:
            raise
        log.debug("unit %s failed", unit.id, exc_info=True)
    for file in bad:
        log.warning("set aside %s: %s", file.path, file.reason)
    names = {file.path for file in bad}
    rest = tuple(file for file in unit.files if file.url not in names)
    if run.settings.rows.bad_files == "fail" or not rest:
        return None, bad
    return _score_unit(run, Unit(rest), limit), bad


def _score_unit(run: Run, unit: Unit, limit: int | None) -> ledger.UnitRecord:
    """Read, score, stage, publish and record one unit of at most `limit` rows."""
    started = now()
    frame = _read(run, unit.files)
    rows = unit.rows if run.settings.rows.where is None else frame.count()
    if limit is not None and limit < rows:
        rows, frame = limit, frame.limit(limit).repartition(slots(run.spark))
    elif run.layout.regroups(run.source):
        frame = frames.regroup(run.spark, frame, run.layout.partition_by, rows, slots(run.spark))
    else:
        frame = frames.spread(run.spark, frame, unit, rows, slots(run.spark))
    accumulator = run.spark.sparkContext.accumulator(Meters(), MetersParam())
    scored = _with_scores(run, frame, accumulator)
    staged = stage(scored, run.output, run.id, unit.id, run.layout.partition_by)
    written = sum(file.rows for file in staged)
    if written != rows:
        discard_staging(run.output, run.id, unit.id)
        raise AuditFailed(
            f"unit {unit.id}: {rows:,} rows went in but {written:,} came out; it was not "
            "published. Do files of INPUT change while the job runs?"
        )
    meters: Meters = accumulator.value
    run.tell(meters.notes)
    record = ledger.UnitRecord(
        id=unit.id,
        run=run.id,
        fingerprint=run.fingerprint,
        sources=[
            {"path": file.url, "size": file.size, "tag": file.tag, "rows": file.rows}
            for file in unit.files
        ],
        files=publish(run.output, run.id, unit.id, staged),
        rows=written,
        statuses=dict(meters.statuses),
        started=started,
        ended=now(),
        meters=meters.figures(),
        workers=dict(meters.workers),
        hist={"score": dict(meters.score_hist), "tokens": dict(meters.token_hist)},
    )
    ledger.commit(run.output, record)
    discard_staging(run.output, run.id, unit.id)
    return record


def _read(run: Run, files: tuple[SourceFile, ...]) -> DataFrame:
    frame = frames.read_files(run.spark, run.schema, run.source, files)
    return apply_where(frame, run.settings.rows.where)


def _with_scores(run: Run, frame: DataFrame, accumulator: Any) -> DataFrame:
    """Kept columns, score and status; the fingerprint goes with the score into each footer."""
    names = run.settings.columns
    result = "semscore result"
    while result in frame.columns:
        result += "_"
    scores = similarity(
        frames.column(names.text1),
        frames.column(names.text2),
        run.recipe,
        run.settings.engine,
        accumulator,
    )
    return frame.withColumn(result, scores).select(
        *map(frames.column, run.layout.kept),
        frames.column(result)["score"].alias(
            names.score_column, metadata={"semscore": run.fingerprint}
        ),
        frames.column(result)["status"].alias(names.status_column),
    )


def _require_few_errors(run: Run, records: list[ledger.UnitRecord]) -> None:
    errors = sum(record.statuses.get("error", 0) for record in records)
    rate = run.settings.limits.max_error_rate
    if errors > rate * run.source.rows:
        raise TooManyErrors(
            f"the model failed on {errors:,} rows (status 'error'), more than --max-error-rate "
            f"{rate} allows of {run.total}; what is scored stays in {run.output.local}"
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
