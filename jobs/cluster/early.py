"""Local runs: what the first worker will wait for is begun while Java still starts."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from semscore.udfs.backends.converted import conversion_command, converted_place
from semscore.udfs.child import python_environment
from semscore.udfs.gpus import pretended, visible_gpus
from semscore.udfs.models import local_folder

if TYPE_CHECKING:
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


def wake_workers(spark: SparkSession) -> None:
    """Have Spark start its Python, which takes as long as Spark's own first look at the files."""
    context = spark.sparkContext

    def wake() -> None:
        with suppress(Exception):  # the run will meet it again, and say what it is
            context.parallelize([None], 1).foreach(lambda _: None)

    Thread(target=wake, name="semscore-wake", daemon=True).start()
