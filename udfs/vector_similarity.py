"""The similarity of stored vectors, without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.accumulators import Accumulator
from pyspark.sql import Column
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.pairs.scorer import scored
from semscore.udfs.processes.compatible import require_compatible
from semscore.udfs.recipe import Metric
from semscore.udfs.statuses import NULL, OK

RESULT = "struct<score: float, status: string>"


def vector_similarity(
    vector1: str | Column,
    vector2: str | Column,
    metric: Metric = "cosine",
    meters: Accumulator[Meters] | None = None,
) -> Column:
    """Return the similarity of two columns of vectors, as struct<score: float, status: string>.

    The columns are arrays of numbers. The score is null if the status is `null` (a vector is null)
    or `error` (the vectors differ in length, or one is empty, zero or not finite, or has a null in
    it).
    """
    require_compatible()

    def score(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        counted = Meters()
        for first, second in batches:
            values, status = compare_vectors(first, second, metric)
            counted.count(values, status, np.zeros(0, np.int64), 0, metric == "cosine")
            yield pd.DataFrame({"score": values, "status": status}, copy=False)
        if meters is not None:
            meters.add(counted)

    udf: Any = pandas_udf(score, RESULT)  # type: ignore[call-overload]
    column: Column = udf.asNondeterministic()(vector1, vector2)
    return column


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
