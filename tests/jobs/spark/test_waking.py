"""The workers' Python is asked what it is before a run writes anything."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql.functions import pandas_udf

from semscore.jobs.spark.early import Waking
from semscore.udfs.errors import UserError
from semscore.udfs.processes import needs
from semscore.udfs.processes.compatible import Conflict
from semscore.udfs.processes.needs import WorkerPython, this_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def waking(answer: Any) -> Waking:
    """On a Spark whose one worker gives this answer, or fails so."""

    def collect() -> list[Any]:
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    asked = SimpleNamespace(map=lambda _: SimpleNamespace(collect=collect))
    context = SimpleNamespace(parallelize=lambda *_: asked)
    return Waking(SimpleNamespace(sparkContext=context))  # type: ignore[arg-type]


def test_this_python_has_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_python().missing == []
    waking(this_python()).require()
    monkeypatch.setattr(needs, "MODULES", ("json", "no_such_module"))
    assert this_python().missing == ["no_such_module"]


def test_a_python_that_lacks_modules_is_refused() -> None:
    found = WorkerPython("/x/python3", "3.11.7", ["pandas", "torch"])
    with pytest.raises(UserError, match=r"\(/x/python3, 3\.11\.7\) lacks pandas, torch: install"):
        waking(found).require()


def test_a_python_whose_versions_are_in_conflict_is_refused() -> None:
    found = WorkerPython("/x/python3", "3.11.7", [], Conflict("pandas 3 with Spark 3.5", "fix it"))
    with pytest.raises(UserError, match=r"\(/x/python3\) has pandas 3 with Spark 3.5; fix it"):
        waking(found).require()


def test_a_python_that_does_not_start_is_refused() -> None:
    text = (
        "Lost task 0.0 in stage 0.0 (TID 0) (h executor driver): java.io.IOException: Cannot run "
        'program "/no/such": error=2, No such file or directory\n\tat java.lang.ProcessBuilder.x'
    )
    with pytest.raises(UserError, match=r"/no/such \(No such file or directory\): correct PYSPARK"):
        waking(RuntimeError(text)).require()


def test_what_nobody_foresaw_ends_the_run_as_itself() -> None:
    with pytest.raises(ZeroDivisionError):
        waking(ZeroDivisionError()).require()


def test_a_real_worker_answers(spark: SparkSession) -> None:
    Waking(spark).require()


def test_workers_of_sql_fork_from_the_same_python_as_the_woken_ones(spark: SparkSession) -> None:
    [woken] = spark.sparkContext.parallelize([None], 1).map(lambda _: os.getppid()).collect()
    parent = pandas_udf(lambda ids: ids * 0 + os.getppid(), "long")  # type: ignore[call-overload]
    [(of_sql,)] = spark.range(1, numPartitions=1).select(parent("id")).collect()
    assert of_sql == woken
