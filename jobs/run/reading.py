"""Read the rows of INPUT that a run scores, and find the files that Spark cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from semscore.jobs.dataset import frames, sql_names
from semscore.jobs.dataset.condition import apply_where
from semscore.jobs.dataset.listing import BadFile, SourceFile
from semscore.jobs.dataset.sifting import NoneReadable, sift
from semscore.jobs.dataset.units import Unit
from semscore.jobs.run.run import Run
from semscore.jobs.spark.session import job_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OTHERS = 3  # files of other units that show whether the files are the cause


def read(run: Run, spark: SparkSession, files: Sequence[SourceFile], tasks: int = 1) -> DataFrame:
    """Return the rows of some files that are to be scored. `tasks`: for a part of a file."""
    frame = frames.read_files(spark, run.schema, run.source, files, run.shuffles, tasks)
    return apply_where(frame, run.where)


def unreadable(run: Run, unit: Unit) -> list[BadFile]:
    """Return the files of a unit that Spark cannot read, by reading all of them again.

    Raises NoneReadable if Spark cannot read files of other units either. Then the files are not the
    cause.
    """
    spark = job_session(run.spark)
    spark.sparkContext.setJobGroup(run.id, unit.what)
    frames.bound_batches(spark, run.source, run.settings.passed)
    names = dict.fromkeys((*run.settings.passed, *run.layout.kept))

    def read_through(files: Sequence[SourceFile], rows: int | None = None) -> None:
        run.lease.require()
        frame = read(run, spark, files).select(*map(sql_names.column, names))
        frame = frame if rows is None else frame.limit(rows)
        frame.write.format("noop").mode("overwrite").save()

    bad = sift(unit.files, read_through, lambda: is_over(run))
    if len(bad) == len(unit.files) and (others := _others(run, unit)):
        also = sift(others, lambda files: read_through(files, 1), lambda: is_over(run))
        if len(also) == len(others):
            raise NoneReadable(
                "Spark cannot read the files of this unit, nor those of other units. For example, "
                f"{bad[0].path}: {bad[0].reason}"
            )
    return bad


def _others(run: Run, unit: Unit) -> list[SourceFile]:
    """Return some files of other units, evenly spread."""
    these = {file.url for file in unit.files}
    others = [file for file in run.source.filled_files if file.url not in these]
    return others[:: max(len(others) // OTHERS, 1)][:OTHERS]


def is_over(run: Run) -> bool:
    """Return whether a unit fails because the run is ending, or Spark has stopped."""
    if run.dropping.is_set():
        return True
    try:
        return bool(run.spark.sparkContext._jsc.sc().isStopped())
    except Exception:  # Java is gone
        return True
