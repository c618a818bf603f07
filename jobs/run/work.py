"""Score the units of a run, a few at once. What fails is tried again, and then set aside."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from semscore.jobs.dataset.listing import BadFile, changed
from semscore.jobs.dataset.sifting import NoneReadable
from semscore.jobs.dataset.units import Unit
from semscore.jobs.failures.causes import ended_by, sentence
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import UnitRecord
from semscore.jobs.run.audit import require_few_errors
from semscore.jobs.run.division import unit_rows
from semscore.jobs.run.progress import Progress
from semscore.jobs.run.reading import is_over, unreadable
from semscore.jobs.run.run import FailedUnit, Run
from semscore.jobs.run.score_unit import score_unit
from semscore.jobs.spark.ending import why_ended
from semscore.jobs.spark.live import rows_from_python
from semscore.udfs.errors import (
    AuditFailed,
    JobError,
    NothingCommitted,
    StoppedEarly,
    StorageUnusable,
    UnitsSetAside,
)
from semscore.udfs.meters import Meters

if TYPE_CHECKING:
    from semscore.jobs.run.watch import Show

log = logging.getLogger("semscore")

AT_ONCE = 2  # so that the next unit uses slots that the last tasks of a unit leave free
ATTEMPTS = 2
ROUNDS = 3  # of setting files aside; the first finds all that are bad at that time
LOOK_S = 1.0  # between checks of the clock
TELL_S = 10.0  # between versions of progress.json while no unit ends
HOPELESS = 3  # failed units in a row, after which their data may not be the cause


@dataclass(frozen=True)
class Done:
    """The outcome of a unit."""

    record: UnitRecord | None
    bad: Sequence[BadFile] = ()  # files that turned out to be unreadable, or have changed
    error: Exception | None = None


def score_units(run: Run, progress: Progress, show: Show) -> str | None:
    """Score all upcoming units, record their outcomes in `progress`, and show the progress.

    Returns None, or a sentence if the run stopped before all units were scored and its options
    allow that (--max-units, --partial-ok).

    Raises StoppedEarly if they do not or if Spark has ended, UnitsSetAside if such a run has also
    set units aside, OutputInUse if another run takes over, TooManyErrors, AuditFailed, the error of
    the first unit if no unit of the dataset could be scored, and StorageUnusable if three units in
    a row failed because of rights, credentials or space.
    """
    try:
        is_done = _score_upcoming(run, progress, show)
    except JobError:
        raise
    except Exception:
        if not (reason := why_ended(run.spark)):
            raise
        log.debug("Spark has ended", exc_info=True)
        run.stop.spark_ended(reason)
        is_done = False
    return None if is_done else _stopped(run, progress)


def _score_upcoming(run: Run, progress: Progress, show: Show) -> bool:
    """Score units until none is left or the run must stop. Return whether none is left."""
    rows = run.settings.rows
    left = None if rows.limit is None else rows.limit - progress.rows_before
    # With a condition, the number of rows in a unit is known only when the unit is done.
    at_once = 1 if left is not None and rows.where is not None else AT_ONCE
    upcoming, running = progress.upcoming, dict[Future[Done], Unit]()
    upcoming.peek()
    about = "" if upcoming.exact else "about "
    rows_text, units_text = counted(progress.rows, "row"), counted(progress.units, "unit")
    log.info("scoring %s%s in %s", about, rows_text, units_text)
    recorded_at = monotonic()
    with ThreadPoolExecutor(at_once, thread_name_prefix="semscore-unit") as pool:
        try:
            while not run.stop.drops:
                upcoming.form(unit_rows(run, progress.rows_per_s, run.stop.left_s))
                while len(running) < at_once and (left is None or left > 0):
                    unit = upcoming.peek()
                    ahead = sum(other.rows for other in (unit, *running.values()) if other)
                    if unit is None or not run.stop.may_begin(ahead, progress.rows_per_s):
                        break
                    upcoming.take()
                    running[pool.submit(_attempt, run, unit, left)] = unit
                    if left is not None and rows.where is None:
                        left -= unit.rows
                if not running:
                    break
                ended = wait(running, LOOK_S, return_when=FIRST_COMPLETED).done
                for future in ended:
                    unit, done = running.pop(future), future.result()
                    run.meters.pop(unit.what, None)
                    _book(progress, unit, done)
                    if left is not None and rows.where is not None and done.record:
                        left -= done.record.rows
                    if upcoming.exact:
                        require_few_errors(run, progress.errors, progress.rows_total)
                progress.see(*_live(run, running.values()))
                show(progress.facts("running"))
                if ended or monotonic() - recorded_at > TELL_S:
                    run.tell_progress(progress, "running")
                    recorded_at = monotonic()
        finally:
            dropped = _drop(run, running)
            run.output.delete_folder(f"{ledger.STAGING}/{run.id}")
    return not dropped and not (upcoming.peek() and (left is None or left > 0))


def _stopped(run: Run, progress: Progress) -> str | None:
    """Return or raise what to say of a run that was stopped while units are left."""
    if not run.stop.reason:
        return None
    about = "" if progress.upcoming.exact else "about "
    done = (
        f"stopped ({run.stop.reason}): this run scored {progress.units_done:,} of {about}"
        f"{counted(progress.units, 'unit')} ({counted(progress.rows_done, 'row')})"
    )
    if progress.failed:
        first = progress.failed[0]
        done += f", and set aside {counted(len(progress.failed), 'unit')}"
        if run.stop.is_success:
            raise UnitsSetAside(f"{done}. For example, {first.what}: {first.reason}")
    if not progress.units_done:
        if not run.stop.lost_spark:
            done += ". Resuming helps only with a higher limit or smaller units (--unit-rows)"
        raise NothingCommitted(done)
    if not run.stop.is_success:
        raise StoppedEarly(done)
    return done


def _live(run: Run, units: Iterable[Unit]) -> tuple[int, Meters]:
    """Return the rows scored so far in running units, and the meters of their ended tasks."""
    most = {unit.what: unit.rows for unit in units}
    ended = [run.meters[what].value for what in most if what in run.meters]
    scored = rows_from_python(run.spark, most) if most else {}
    return sum(min(rows, most[what]) for what, rows in scored.items()), sum(ended, Meters())


def _drop(run: Run, running: Iterable[Future[Done]]) -> int:
    """Abandon the running units; return their number. One that is just done is still committed."""
    futures = list(running)
    for future in futures:
        future.cancel()
    run.dropping.set()
    while wait(futures, LOOK_S).not_done:  # a unit may begin another job after the first cancel
        with suppress(Exception):  # Spark itself may be gone
            run.spark.sparkContext.cancelJobGroup(run.id)
    return len(futures)


def _book(progress: Progress, unit: Unit, done: Done) -> None:
    progress.upcoming.set_aside(done.bad)
    if done.record:
        progress.book(done.record)
    if done.error:
        progress.set_aside(FailedUnit(unit.what, done.error))
        log.warning("set aside %s: %s", unit.what, progress.failed[-1].reason)
        _require_hope(progress)


def _require_hope(progress: Progress) -> None:
    """Raise the error of a failed unit if its data is not the cause, so that others would fail."""
    failed = progress.failed
    if not progress.committed and len(failed) == min(HOPELESS, progress.units):
        raise ended_by(failed[0].error)
    if progress.failed_in_a_row >= HOPELESS:
        last = [ended_by(unit.error) for unit in failed[-HOPELESS:]]
        if all(isinstance(error, StorageUnusable) for error in last):
            raise last[-1]


def _attempt(run: Run, unit: Unit, limit: int | None) -> Done:
    """Score a unit. If this fails for an unknown reason, try once more."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _score_readable(run, unit, limit, attempt)
        except Exception as error:
            run.lease.require()  # if the lease was lost, that is the reason
            if isinstance(error, JobError) or is_over(run):
                raise
            log.debug("%s failed", unit.what, exc_info=True)
            if attempt == ATTEMPTS:
                return Done(None, error=error)
            log.warning("trying %s again: %s", unit.what, sentence(error))
    raise AssertionError("every attempt returns or raises")


def _score_readable(run: Run, unit: Unit, limit: int | None, attempt: int) -> Done:
    """Score a unit without files that Spark cannot read, or that have changed."""
    bad: list[BadFile] = []
    for _ in range(ROUNDS):
        try:
            return Done(score_unit(run, unit, limit, attempt), bad)
        except Exception as error:
            if isinstance(error, JobError) and not isinstance(error, AuditFailed):
                raise
            if is_over(run):
                raise
            log.debug("%s failed", unit.what, exc_info=True)
            unusable = changed(unit.files, run.storage)
            if not unusable and not isinstance(error, AuditFailed):
                try:
                    unusable = unreadable(run, unit)
                except NoneReadable as none:
                    return Done(None, error=none)
            if not unusable:
                raise
        for file in unusable:
            log.warning("set aside %s: %s", file.path, file.reason)
        bad += unusable
        urls = {file.path for file in unusable}
        unit = Unit(tuple(file for file in unit.files if file.url not in urls))
        if not unit.files:
            return Done(None, bad)
    return Done(None, bad, JobError(f"{unit.what}: its files keep changing"))
