"""Local runs: what the first worker will wait for is begun while Java still starts."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from semscore.udfs.backends.converted import (
    conversion_command,
    converted_place,
    python_environment,
)
from semscore.udfs.gpus import pretended, visible_gpus
from semscore.udfs.models import local_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from semscore.udfs.recipe import Engine, Recipe


FEW_ROWS = 2_000  # torch has scored them before a model is converted


def due_conversion(recipe: Recipe, engine: Engine) -> Path | None:
    """The folder of the model, if OpenVINO is to run it here and it is not converted yet."""
    if engine.backend == "torch" or recipe.precision == "float16" or not find_spec("openvino"):
        return None
    if engine.device != "cpu" and visible_gpus() and not pretended():
        return None
    folder = local_folder(recipe.model, recipe.revision)
    return None if converted_place(folder).exists() else folder


def is_quick_in_torch(recipe: Recipe, engine: Engine, rows: int) -> bool:
    """Whether to score in torch, this once, and convert the model when that is done."""
    return rows < FEW_ROWS and engine.backend == "auto" and recipe.precision in ("auto", "float32")


def prefer_torch() -> None:
    """Have the workers' Python import torch while Spark starts."""
    os.environ.setdefault("SEMSCORE_PRELOAD", "sentence_transformers")


def begin_conversion(folder: Path) -> None:
    """Have a model converted for OpenVINO in the background.

    Workers that come to it meanwhile wait for that process. If it is not needed after all, only its
    work is lost; it is kept for the next run.
    """
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
