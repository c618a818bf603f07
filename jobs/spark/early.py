"""The check of the workers' Python, made while Spark takes its first look at the files."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from semscore.jobs.failures.causes import ended_by
from semscore.udfs.errors import UserError
from semscore.udfs.processes.needs import WorkerPython, this_python

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession


class Waking:
    """Spark's workers, started in the background to report which Python they run.

    Starting them takes about as long as Spark's own first look at the files.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._error: Exception | None = None
        self._python: WorkerPython | None = None
        self._thread = Thread(
            target=self._ask, args=(spark.sparkContext,), name="semscore-wake", daemon=True
        )
        self._thread.start()

    def require(self) -> None:
        """Wait for the answer. Raises UserError if the workers' Python cannot run semscore."""
        self._thread.join()
        if self._error:
            raise ended_by(self._error)
        if self._python and self._python.missing:
            raise UserError(
                f"the workers' Python ({self._python.executable}, {self._python.version}) lacks "
                f"{', '.join(self._python.missing)}: install semscore there, or correct "
                "PYSPARK_PYTHON (or spark.pyspark.python)"
            )
        if self._python and self._python.conflict:
            raise UserError(
                f"the workers' Python ({self._python.executable}) has {self._python.conflict}"
            )

    def _ask(self, context: SparkContext) -> None:
        try:
            [self._python] = context.parallelize([None], 1).map(this_python).collect()
        except Exception as error:  # raised by require()
            self._error = error
