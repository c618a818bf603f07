"""Settings that a local master does not take, and sessions that a job cannot run on."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark import SparkConf

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Spark
from semscore.jobs.spark import session
from semscore.udfs.errors import UserError


def test_a_local_session_forgets_settings_of_gpus(caplog: pytest.LogCaptureFixture) -> None:
    settings = SparkConf(loadDefaults=False)
    gone = [
        "spark.task.resource.gpu.amount",
        "spark.executor.resource.gpu.amount",
        "spark.executor.resource.gpu.discoveryScript",
        "spark.driver.resource.gpu.amount",
    ]
    for key in (*gone, "spark.task.cpus"):
        settings.set(key, "1")
    with caplog.at_level(logging.WARNING, "semscore"):
        session._forget_resources(settings)
    assert [key for key, _ in settings.getAll()] == ["spark.task.cpus"]
    assert all(f"ignored {key}: a local master schedules no GPUs" in caplog.text for key in gone)


def test_a_session_of_spark_connect_is_refused() -> None:
    connect = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})
    with pytest.raises(UserError, match="a Spark Connect session, but a job needs"):
        session.require_classic(connect())
    session.require_classic(None)
    session.require_classic(SparkConf(loadDefaults=False))


@pytest.mark.parametrize(("master", "stopped"), [("local[2]", 1), ("yarn", 0)])
def test_only_a_local_spark_stops_before_the_run_has_ended(
    monkeypatch: pytest.MonkeyPatch, master: str, stopped: int
) -> None:
    calls: list[str] = []
    context = SimpleNamespace(master=master, stop=lambda: calls.append("context"))
    spark: Any = SimpleNamespace(sparkContext=context, stop=lambda: calls.append("session"))
    monkeypatch.setattr(session, "start_session", lambda *_: spark)
    options = Settings(inputs=("in",), output="out", spark=Spark(master=master))
    with session.session_for(options, None):
        session.stop_ahead(spark)
    assert calls == ["context"] * stopped + ["session"]
