"""The Java process of a Spark that we start: its user, and its output, which is not shown."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from threading import Thread
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.spark.surroundings import stand_in, user_name

GONE = "JAVA_GATEWAY_EXITED"  # pyspark's error class for a Java that ended immediately
JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
KEPT_LINES = 200  # of the output of Java and the Python workers
PATIENCE_S = 5.0
ROUTINE = re.compile(r"(NOTE: )?Picked up |WARNING: |.* VM warning: |.*\bWARN\b|\s*$")

_output: deque[str] = deque(maxlen=KEPT_LINES)  # a Python process has one Java at most


def start_java(settings: SparkConf, quiet: bool) -> None:
    """Start the Java that Spark runs in, unless this Python has started one already.

    `quiet`: do not show the output of Java, Spark's log and the Python workers, but keep its end
    for `why_not`. Raises pyspark's error if Java ends immediately.
    """
    if SparkContext._gateway is None:
        _output.clear()
        # Spark starts `python -m`, for which Python 3.10 searches the working folder first.
        place = {} if sys.version_info >= (3, 11) else {"cwd": "/"}
        gateway = _launch_quietly(settings, place) if quiet else _launch(settings, place)
        SparkContext._ensure_initialized(gateway=gateway)
    if not user_name():
        name_user(SparkContext._jvm)


def name_user(jvm: Any) -> None:
    """Log in to Hadoop with a substitute name: its own login fails if the user has no name."""
    group = jvm.org.apache.hadoop.security.UserGroupInformation
    group.setLoginUser(group.createRemoteUser(stand_in()))


def why_not(error: Exception) -> str:
    """Return why Spark did not start: Java's own message if Java ended, else the error's reason."""
    if GONE not in str(error):
        return root_cause(error)
    reason = root_cause(RuntimeError(_last_words() or "Java ended immediately"))
    options = [name for name in JAVA_OPTIONS if os.environ.get(name)]
    return f"{reason} (Java also takes options from {', '.join(options)})" if options else reason


def _last_words() -> str:
    """Return the last lines that Java or a worker wrote, without Java's routine messages."""
    return "\n".join(line for line in _output.copy() if not ROUTINE.match(line))


def _launch(settings: SparkConf, options: dict[str, Any]) -> Any:
    return launch_gateway(settings, options)  # type: ignore[no-untyped-call]


def _launch_quietly(settings: SparkConf, options: dict[str, Any]) -> Any:
    ours, theirs = os.pipe()
    listener = Thread(target=_listen, args=(ours,), name="semscore-java", daemon=True)
    listener.start()
    gateway = None
    try:
        gateway = _launch(settings, {**options, "stdout": theirs, "stderr": theirs})
    finally:
        os.close(theirs)
        if gateway is None:
            listener.join(PATIENCE_S)  # until it has read the last lines
    return gateway


def _listen(source: int) -> None:
    """Read to the end, so that a full pipe never blocks Java."""
    with os.fdopen(source, encoding="utf-8", errors="replace") as lines:
        _output.extend(line.rstrip("\n") for line in lines)
