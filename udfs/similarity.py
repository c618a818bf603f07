"""Spark columns and SQL functions for scoring pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from pyspark.accumulators import Accumulator
from pyspark.sql import Column, SparkSession
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.session import usable_here
from semscore.udfs.texts.from_arrow import any_bytes
from semscore.udfs.worker.batches import score_batches

RESULT = "struct<score: float, status: string>"
DEFAULT_ENGINE = Engine()


def similarity(
    text1: str | Column,
    text2: str | Column,
    recipe: Recipe,
    engine: Engine = DEFAULT_ENGINE,
    meters: Accumulator[Meters] | None = None,
) -> Column:
    """Return the similarity of two text columns, as struct<score: float, status: string>.

        df.withColumn("s", similarity("text1", "text2", Recipe(model="…"))).select("*", "s.score")

    The score is null if the status is `null` (a text is null), `blank` (a text is empty or white
    space) or `error` (the model fails on the row). Rows with status `ok` or `truncated` (only the
    beginning of a text was read) have a score. Each row is scored once, however often the struct is
    used. Bytes of a text that are not valid UTF-8 are read as U+FFFD.

    Raises ValueError for precision `auto`, which only a run can choose, and for int8 without a
    calibration (see `calibrate`). Raises UserError if the versions of Python, Spark and pandas
    cannot be used together.
    """
    return _udf(recipe, engine, meters)(text1, text2)


def register(
    spark: SparkSession, name: str, recipe: Recipe, engine: Engine = DEFAULT_ENGINE
) -> None:
    """Register `name(text1, text2)` as a Spark SQL function. See `similarity`."""
    function = _udf(recipe, engine, None)
    spark.udf.register(name, function)


def _udf(
    recipe: Recipe, engine: Engine, meters: Accumulator[Meters] | None
) -> Callable[..., Column]:
    engine = usable_here(recipe, engine)

    def score(
        batches: Iterator[tuple[pd.Series, pd.Series]],
    ) -> Iterator[pd.DataFrame]:
        counted = Meters()
        with any_bytes():
            yield from score_batches(batches, recipe, engine, counted)
        if meters is not None:
            meters.add(counted)

    udf: Any = pandas_udf(score, RESULT)  # type: ignore[call-overload]
    # Spark may run a deterministic function again for each use of its column.
    scored_once: Callable[..., Column] = udf.asNondeterministic()
    return scored_once
