"""Why Spark ended while it was in use, as far as Spark, its Java and YARN tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from textwrap import shorten
from threading import Thread
from typing import TYPE_CHECKING, Any

from semscore.udfs.errors import JobError, NothingCommitted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ASK_YARN_S = 30.0
OUT_OF_MEMORY = 3  # exit code of a Java with -XX:+ExitOnOutOfMemoryError
ENDED = ("FINISHED", "FAILED", "KILLED")  # states of an application on YARN
MOST = 400  # characters of YARN's diagnostics, which may contain a stack trace


def why_ended(spark: SparkSession) -> str | None:
    """Return why Spark has ended, or None if it still works."""
    context: Any = spark.sparkContext
    try:
        if not context._jsc.sc().isStopped():
            return None
    except Exception:  # py4j raises many kinds
        return _java_ended(context)
    if str(context.master) == "yarn":
        return _yarn_ended(context)
    return "the cluster, or another program, ended Spark's application"


@contextmanager
def told_if_ended(spark: SparkSession) -> Iterator[None]:
    """Raise NothingCommitted for an error whose cause is that Spark has ended.

    For what a run does before its first unit.
    """
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        if reason := why_ended(spark):
            raise NothingCommitted(f"stopped before the first unit ({reason})") from error
        raise


def _java_ended(context: Any) -> str:
    """Return how Spark's Java process ended. It is a child of this one, or its parent."""
    process = getattr(context._gateway, "proc", None)
    code = None
    if process is not None:
        with suppress(Exception):
            code = process.wait(5)
    if code == OUT_OF_MEMORY:
        return (
            "Spark's Java ran out of memory: give it more with --conf spark.driver.memory=8g (with "
            "spark-submit, --driver-memory 8g)"
        )
    if code is not None and code < 0:
        return (
            f"Spark's Java process was killed (signal {-code}), most likely by the operating "
            "system because memory ran out"
        )
    return "Spark's Java process ended, most likely because memory ran out or somebody stopped it"


def _yarn_ended(context: Any) -> str:
    """Return what YARN says about the end of the application."""
    answers: list[tuple[str, str]] = []

    def ask() -> None:
        with suppress(Exception):  # Java's
            answers.append(_application_report(context))

    # Hadoop's client may try for many minutes, and a pool would wait for it.
    asking = Thread(target=ask, name="semscore-yarn", daemon=True)
    asking.start()
    asking.join(ASK_YARN_S)
    if not answers:
        return "Spark's application on YARN ended, and YARN does not answer"
    [(state, said)] = answers
    if state not in ENDED:
        return "Spark lost its application master on YARN"
    return f"YARN ended the application: {said or f'its state is {state}'}"


def _application_report(context: Any) -> tuple[str, str]:
    """Return an application's state and YARN's diagnostics, in one line."""
    java = context._jvm.org.apache.hadoop.yarn
    conf = java.conf.YarnConfiguration(context._jsc.hadoopConfiguration())
    conf.set("yarn.resourcemanager.connect.max-wait.ms", "10000")
    client = java.client.api.YarnClient.createYarnClient()
    client.init(conf)
    client.start()
    try:
        id_ = java.api.records.ApplicationId.fromString(context.applicationId)
        report = client.getApplicationReport(id_)
        said = " ".join((report.getDiagnostics() or "").split())
        return str(report.getYarnApplicationState()), shorten(said, MOST, placeholder=" …")
    finally:
        client.stop()
