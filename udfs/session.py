"""What is checked on the driver when a column is made."""

from __future__ import annotations

from pyspark import SparkContext

from semscore.udfs.errors import RecipeError
from semscore.udfs.gpus.device import for_master
from semscore.udfs.processes.compatible import require_compatible
from semscore.udfs.recipe import Engine, Recipe


def usable_here(recipe: Recipe, engine: Engine) -> Engine:
    """Return the engine for the master of the active session.

    Raises ValueError for precision `auto`, which only a run can choose, and for int8 without a
    calibration. Raises UserError if the versions of Python, Spark and pandas cannot be used
    together.
    """
    require_compatible()
    if recipe.precision == "auto":
        raise RecipeError(
            "precision auto works only with `semscore score` and `semscore embed`; choose a "
            "precision"
        )
    if recipe.precision == "int8" and not recipe.calibration:
        raise RecipeError(
            "precision int8 needs a calibration; make one with recipe = calibrate(texts, recipe, …)"
        )
    context = SparkContext._active_spark_context
    return for_master(engine, str(context.master) if context else "")
