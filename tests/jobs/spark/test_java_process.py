"""A Java that starts while other things are done is used, or ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest
from pyspark import SparkConf, SparkContext

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Spark
from semscore.jobs.spark import java_process, session
from semscore.jobs.spark.java_process import JavaProcess

SLEEPS = [sys.executable, "-c", "input()"]


@pytest.fixture(autouse=True)
def without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.setattr(java_process, "_early", None)
    monkeypatch.setattr(java_process, "java_command", lambda *_: SLEEPS)


def begun() -> psutil.Process:
    """Begin a Java, which is not one; return its process."""
    java_process.begin_java(Path("/java"), {"spark.a": "1"}, os.environ)
    early = java_process._early
    assert early
    return psutil.Process(early._process.pid)


def test_a_java_that_is_not_used_is_ended() -> None:
    process = begun()
    assert process.is_running()
    java_process.drop_java()
    assert not process.is_running()
    java_process.drop_java()  # again: nothing happens


def test_a_java_with_other_settings_is_not_used() -> None:
    begun()
    other = SparkConf(loadDefaults=False).set("spark.a", "2")
    assert java_process._begun(other) is None
    java_process.drop_java()


def test_a_java_that_ends_at_once_is_reported_with_its_last_words() -> None:
    java_process._output.clear()
    code = "import sys; sys.exit('Error: no memory')"
    java = JavaProcess([sys.executable, "-c", code], {}, os.environ)
    with pytest.raises(Exception, match="JAVA_GATEWAY_EXITED") as raised:
        java.connect()
    assert java_process.why_not(raised.value).startswith("Error: no memory")


def test_only_a_local_run_starts_java_ahead(tmp_path: Path) -> None:
    def started(*options: str) -> bool:
        master, *conf = options
        settings = Settings(
            inputs=(str(tmp_path),),
            output=str(tmp_path / "o"),
            spark=Spark(master=master, conf=tuple(conf)),
        )
        with session.java_ahead(settings):
            return java_process._early is not None

    assert started("local[1]")
    assert java_process._early is None
    assert not started("spark://h:7077")
    assert not started("local[1]", "spark.task.resource.gpu.amount=1")
