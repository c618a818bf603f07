"""Asking an executor, in a classic session and through Spark Connect."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from semscore.udfs.errors import ModelError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Answer = TypeVar("Answer")


def on_executor(spark: SparkSession, question: Callable[[], Answer]) -> Answer:
    """Call a function in a worker of one executor, and return its result.

    Raises ModelError if the function does.
    """

    def ask(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for _ in frames:
            try:
                answer: Answer | ModelError = question()
            except ModelError as error:
                answer = error
            yield pd.DataFrame({"answer": [pickle.dumps(answer)]})

    [row] = spark.range(0, 1, 1, 1).mapInPandas(ask, "answer binary").collect()
    answer = pickle.loads(row["answer"])
    if isinstance(answer, ModelError):
        raise answer
    result: Answer = answer
    return result
