"""The similarity of stored vectors, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.pairs.scorer import scored
from semscore.udfs.processes.compatible import require_compatible
from semscore.udfs.recipe import DEFAULT_METRIC, Metric
from semscore.udfs.result_type import SIMILARITY_TYPE
from semscore.udfs.statuses import NULL, OK

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import Column


def vector_similarity(
    vector1: str | Column,
    vector2: str | Column,
    metric: Metric = DEFAULT_METRIC,
    *,
    deterministic: bool = True,
) -> Column:
    """Return the similarity of two columns of vectors, as `struct<score: float, status: string>`.

    Args:
        vector1: Column with the first vector of each pair, an array of numbers.
        vector2: Column with the second vector.
        metric: How two vectors are compared. Distances are negated, so that a larger score always
            means more similar.
        deterministic: As for `similarity`.

    Returns:
        A column that is never null itself. Its score is null if the status is `null` (a vector is
        null) or `error` (the vectors differ in length, or one is empty, zero or not finite, or
        has a null in it).

    Raises:
        UserError: The versions of Python, Spark and pandas cannot be used together.

    Examples:
        >>> from semscore import local_spark, vector_similarity
        >>> spark = local_spark()
        >>> rows = [([1.0, 0.0], [1.0, 1.0]), ([1.0, 0.0], None), ([1.0, 0.0], [1.0])]
        >>> pairs = spark.createDataFrame(rows, "a array<float>, b array<float>")
        >>> scored = pairs.withColumn("s", vector_similarity("a", "b"))
        >>> scored.selectExpr("b", "round(s.score, 2) score", "s.status").show()
        +----------+-----+------+
        |         b|score|status|
        +----------+-----+------+
        |[1.0, 1.0]| 0.71|    ok|
        |      NULL| NULL|  null|
        |     [1.0]| NULL| error|
        +----------+-----+------+
        <BLANKLINE>
    """
    require_compatible()
    return _function(metric, deterministic)(vector1, vector2)


def vector_score_column(
    vector1: Column, vector2: Column, metric: Metric, meters: Accumulator[Meters]
) -> Column:
    """Return the column of a job, which scores each row once and counts it in `meters`."""
    return _function(metric, deterministic=False, meters=meters)(vector1, vector2)


def _function(
    metric: Metric, deterministic: bool, meters: Accumulator[Meters] | None = None
) -> Callable[..., Column]:
    def vector_similarity(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        counted = Meters()
        for first, second in batches:
            values, status = compare_vectors(first, second, metric)
            counted.count(values, status, np.zeros(0, np.int64), 0, metric == "cosine")
            yield pd.DataFrame({"score": values, "status": status}, copy=False)
        if meters is not None:
            meters.add(counted)

    function: Any = pandas_udf(vector_similarity, SIMILARITY_TYPE)  # type: ignore[call-overload]
    result: Callable[..., Column] = function if deterministic else function.asNondeterministic()
    return result


def compare_vectors(
    first: pd.Series[Any], second: pd.Series[Any], metric: Metric
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Return scores and statuses of n pairs of vectors: (n,), (n,)."""
    null = (first.isna() | second.isna()).to_numpy()
    rows = np.flatnonzero(~null)
    a, b = first.to_numpy(dtype=object)[rows], second.to_numpy(dtype=object)[rows]
    lengths = np.array([len(x) if len(x) == len(y) else 0 for x, y in zip(a, b, strict=True)], int)
    values = np.full(len(rows), np.nan, np.float32)
    for length in np.unique(lengths[lengths > 0]):
        same = np.flatnonzero(lengths == length)
        stacked = [np.stack(list(part[same])).astype(np.float64) for part in (a, b)]
        places = np.arange(len(same))
        values[same] = compare(stacked[0], places, stacked[1], places, metric)
    none = np.zeros(len(rows), bool)
    return scored(np.where(null, NULL, OK).astype(object), rows, values, none, none)
