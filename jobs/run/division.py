"""The units of a run: how INPUT is divided, given this Spark and its speed so far."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from semscore.jobs.dataset.blocks import RowGroups, read_row_groups
from semscore.jobs.dataset.listing import CountedFile, SourceFile
from semscore.jobs.dataset.owed import partly_scored
from semscore.jobs.dataset.parts import can_read_parts
from semscore.jobs.dataset.units import UNIT_BYTES, UNIT_S, Division, rows_in_time, unit_scale
from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.ledger.committed import CommittedUnit
from semscore.jobs.run.run import Run
from semscore.jobs.spark.session import slots
from semscore.udfs.errors import UserError

LAST_SHARE = 0.3  # of the time that is left; two units are scored at a time, with some caution
METADATA = "_metadata"  # Spark's own column, which has the numbers of rows

log = logging.getLogger("semscore")


def upcoming_units(
    run: Run, files: Sequence[SourceFile], earlier: Sequence[CommittedUnit]
) -> Upcoming:
    """Return the units of files that are not, or only partly, scored in the `earlier` ones.

    Raises UserError if parts of files are left that cannot be read here.
    """
    scored = partly_scored(earlier)
    if scored and (obstacle := _obstacle(run)):
        raise UserError(
            f"OUTPUT {run.output.name} has scores for a part of {next(iter(scored))}, and the rest "
            f"cannot be read alone: {obstacle}. Resume on the platform on which the dataset was "
            "started"
        )

    @cache  # small files need no answer, which takes Spark seconds
    def has_parts() -> bool:
        if obstacle := _obstacle(run):
            log.info(
                "%s, so each file is scored as a whole; an interruption may cost two files' work",
                obstacle,
            )
        return obstacle is None

    def row_groups(file: CountedFile) -> RowGroups | None:
        if not has_parts():
            return None
        return read_row_groups(run.storage.folder(file.root), file.entry)

    division = Division(
        rows=unit_rows(run),
        size=UNIT_BYTES * unit_scale(slots(run.spark), run.task_rows),
        groups=row_groups,
        scored=scored,
    )
    counts = run.source.counts
    rows = None
    if counts.keys() >= {file.url for file in files}:
        rows = sum(run.source.live_rows(file.url) for file in files)
        rows -= sum(
            run.source.live_rows(url, *span) for url, spans in scored.items() for span in spans
        )
    sized = run.source.counted(files, run.storage)
    return Upcoming(sized, sum(file.size for file in files), division, rows)


def unit_rows(run: Run, rows_per_s: float | None = None, left_s: float | None = None) -> int:
    """Return how many rows the next unit should have.

    `rows_per_s`: the run's speed so far. `left_s`: the time until running units are abandoned. Near
    the end of that time units are smaller, so that they are finished before it.
    """
    if asked := run.settings.limits.unit_rows:
        return asked
    seconds = UNIT_S if left_s is None else min(UNIT_S, left_s * LAST_SHARE)
    return rows_in_time(rows_per_s, slots(run.spark), run.task_rows, seconds)


def _obstacle(run: Run) -> str | None:
    """Return why parts of files cannot be read, or None if they can."""
    if METADATA in run.source.columns:
        return f"INPUT has a column {METADATA!r}, whose name Spark uses for the numbers of rows"
    if not can_read_parts(run.spark):
        return "this Spark gives no access to its Java"
    return None
