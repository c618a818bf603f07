"""Local runs: what the first task will wait for is begun while Java still starts."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def wake_workers(spark: SparkSession) -> None:
    """Have Spark start its Python, which takes as long as Spark's own first look at the files."""
    context = spark.sparkContext

    def wake() -> None:
        with suppress(Exception):  # the run will meet it again, and say what it is
            context.parallelize([None], 1).foreach(lambda _: None)

    Thread(target=wake, name="semscore-wake", daemon=True).start()
