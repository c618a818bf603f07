"""A local master schedules no GPUs: settings that ask for some are not passed on."""

from __future__ import annotations

import logging

import pytest
from pyspark import SparkConf

from semscore.jobs.spark import session


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
