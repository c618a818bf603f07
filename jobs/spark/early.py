"""What a run begins beside Spark's first look at the files: its workers' Python."""

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
    """Spark's workers, started and asked what Python they are while the driver does other things.

    That takes about as long as Spark's own first look at the files.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._error: Exception | None = None
        self._found: WorkerPython | None = None
        self._thread = Thread(
            target=self._ask, args=(spark.sparkContext,), name="semscore-wake", daemon=True
        )
        self._thread.start()

    def require(self) -> None:
        """Wait for the answer. Raises UserError if that Python cannot run semscore."""
        self._thread.join()
        if self._error:
            raise ended_by(self._error)
        if self._found and self._found.missing:
            raise UserError(
                f"the workers' Python ({self._found.executable}, {self._found.version}) lacks "
                f"{', '.join(self._found.missing)}: install semscore there, or correct "
                "PYSPARK_PYTHON (or spark.pyspark.python)"
            )
        if self._found and self._found.conflict:
            raise UserError(
                f"the workers' Python ({self._found.executable}) has {self._found.conflict}"
            )

    def _ask(self, context: SparkContext) -> None:
        try:
            [self._found] = context.parallelize([None], 1).map(this_python).collect()
        except Exception as error:  # told when it is waited for
            self._error = error
