"""Rows of a running query, seen before it ends."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql.functions import pandas_udf

from semscore.jobs.spark.live import rows_from_python
from tests.services.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

ROWS, BATCH = 60, 10


def test_rows_are_seen_while_their_task_runs(spark: SparkSession, tmp_path: Path) -> None:
    own = spark.newSession()
    own.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))

    @pandas_udf("string")  # type: ignore[call-overload]
    def slow(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            sleep(1.5)
            yield batch.map(lambda _: "x" * 10_000)  # Python sends when 64 KiB are full

    def run() -> None:
        own.sparkContext.setJobGroup("a group", "a unit")
        frame = own.range(0, ROWS, 1, 1)
        frame.select(slow("id")).write.parquet(str(tmp_path / "out"))

    thread, seen = Thread(target=run), set[int]()
    thread.start()
    end = monotonic() + 60
    while thread.is_alive() and monotonic() < end:
        seen.add(rows_from_python(own, {"a unit", "another"})["a unit"])
        sleep(0.2)
    thread.join()
    assert any(0 < rows < ROWS for rows in seen)
    wait_for(lambda: not rows_from_python(own, {"a unit"}), "Spark to note its end")


def test_what_does_not_answer_is_nothing_known() -> None:
    nothing: SparkSession = object()  # type: ignore[assignment]
    assert rows_from_python(nothing, {"a"}) == {}
