"""What a run begins while Spark starts: the model's conversion, and the workers' Python."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from semscore.jobs.causes import ended_by
from semscore.jobs.errors import UserError
from semscore.udfs.backends.converted import conversion_command, converted_place
from semscore.udfs.child import python_environment
from semscore.udfs.gpus import pretended, visible_gpus
from semscore.udfs.models import local_folder
from semscore.udfs.needs import WorkerPython, this_python

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    from semscore.udfs.recipe import Engine, Recipe


def begin_conversion(recipe: Recipe, engine: Engine) -> None:
    """Have the model converted for OpenVINO in the background, if it will be and is not yet.

    Workers that come to it meanwhile wait for this process. If it is not needed after all, only
    its work is lost; it is kept for the next run. (Torch for a first few rows instead is slower
    still: its imports take longer than the conversion beside Java's start.)
    """
    if engine.backend == "torch" or recipe.precision == "float16" or not find_spec("openvino"):
        return
    if engine.device != "cpu" and visible_gpus() and not pretended():
        return
    folder = local_folder(recipe.model, recipe.revision)
    if not converted_place(folder).exists():
        subprocess.Popen(
            conversion_command(folder),
            env=python_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


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

    def _ask(self, context: SparkContext) -> None:
        try:
            [self._found] = context.parallelize([None], 1).map(this_python).collect()
        except Exception as error:  # told when it is waited for
            self._error = error
