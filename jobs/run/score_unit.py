"""Score one unit: read -> similarity() or embed() -> stage -> publish -> record."""

from __future__ import annotations

from contextlib import suppress

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.listing import changed
from semscore.jobs.dataset.publish import destinations, discard_staging, publish, stage
from semscore.jobs.dataset.units import Unit, source_of, task_count
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import DataFile, UnitRecord
from semscore.jobs.ledger.run_id import now
from semscore.jobs.run.reading import read
from semscore.jobs.run.results import with_results
from semscore.jobs.run.run import Run
from semscore.jobs.spark.session import job_session, slots
from semscore.udfs.errors import AuditFailed
from semscore.udfs.meters import Meters, MetersParam


def score_unit(run: Run, unit: Unit, limit: int | None, attempt: int) -> UnitRecord:
    """Read, score, stage, publish and record one unit of at most `limit` rows.

    Files that are published but not recorded stay until the run ends. Each attempt has other names.
    """
    run.lease.require()
    started = now()
    spark = job_session(run.spark)  # a session of its own, with settings for this unit
    spark.sparkContext.setJobGroup(run.id, unit.what)
    frames.bound_batches(spark, run.source, run.settings.passed)
    at_once, task = slots(run.spark), run.task_rows
    frame = read(run, spark, unit.files, task_count(unit.rows, at_once, task))
    rows = unit.rows if run.settings.rows.where is None else frame.count()
    tasks = task_count(rows, at_once, task)
    cut_at = None
    if limit is not None and limit < rows:
        rows, frame = limit, frame.limit(limit).repartition(slots(spark))
        cut_at = run.settings.rows.limit
    elif run.layout.regroups(run.source):
        frame = frames.regroup(spark, frame, run.layout.partition_by, tasks)
    else:
        frame = frames.spread(spark, frame, unit, tasks)
    accumulator = spark.sparkContext.accumulator(Meters(), MetersParam())
    run.meters[unit.what] = accumulator
    scored = with_results(run, frame, accumulator)
    target = run.settings.target.target_file_size
    staged = stage(scored, run.output, run.id, unit.id, run.layout.partition_by, target)
    _require_whole(run, unit, rows, sum(file.rows for file in staged))
    meters: Meters = accumulator.value
    run.tell(meters.notes)
    moves = destinations(run.id, run.lease.number, unit.id, staged, attempt)
    record = _record(run, unit, list(moves.values()), meters, started, cut_at)
    run.lease.require()
    publish(run.output, moves)
    ledger.commit(run.output, record, run.lease.seal, run.packs)
    with suppress(OSError):  # the unit is done; leftovers are deleted later
        discard_staging(run.output, run.id, unit.id)
    return record


def _require_whole(run: Run, unit: Unit, rows: int, staged: int) -> None:
    """Raise AuditFailed, and leave nothing staged, if files changed or row counts differ."""
    if bad := changed(unit.files, run.storage):
        why = f"{bad[0].path}: {bad[0].reason}"
    elif staged != rows:
        why = (
            f"unit {unit.id} was not published: {counted(rows, 'row')} went in, but {staged:,} "
            "came out"
        )
    else:
        return
    discard_staging(run.output, run.id, unit.id)
    raise AuditFailed(why)


def _record(
    run: Run,
    unit: Unit,
    files: list[DataFile],
    meters: Meters,
    started: str,
    cut_at: int | None,
) -> UnitRecord:
    """Return the record of a unit that is about to be published."""
    return UnitRecord(
        id=unit.id,
        run=run.id,
        lease=run.lease.number,
        fingerprint=run.fingerprint,
        sources=list(map(source_of, unit.files)),
        files=files,
        rows=sum(file.rows for file in files),
        statuses=dict(meters.statuses),
        started=started,
        ended=now(),
        meters=meters.figures(),
        workers={label: dict(sums) for label, sums in meters.workers.items()},
        hardware=dict(meters.hardware),
        slots=slots(run.spark),
        cut_at=cut_at,
        hist={"score": dict(meters.score_hist), "tokens": dict(meters.token_hist)},
    )
