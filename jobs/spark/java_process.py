"""Java of our own: started, given a user, and kept from talking on the user's terminal."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from threading import Thread
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

from semscore.jobs.spark.surroundings import stand_in, user_name

KEPT_LINES = 200  # of what Java and the Python workers say
PATIENCE_S = 5.0
SMALL_TALK = re.compile(r"(NOTE: )?Picked up |WARNING: |.* VM warning: |.*\bWARN\b|\s*$")

_heard: deque[str] = deque(maxlen=KEPT_LINES)  # of the one Java that a Python can have


def start_java(settings: SparkConf, quiet: bool) -> None:
    """Start the Java that Spark runs in, if this Python has none yet.

    `quiet`: what Java, Spark's log and the Python workers write is kept for `last_words` instead
    of being shown. Raises pyspark's error if Java ends at once.
    """
    if SparkContext._gateway is None:
        _heard.clear()
        # Spark starts `python -m`, which Python 3.10 looks for in the working folder first.
        place = {} if sys.version_info >= (3, 11) else {"cwd": "/"}
        gateway = _launch_quietly(settings, place) if quiet else _launch(settings, place)
        SparkContext._ensure_initialized(gateway=gateway)
    if not user_name():
        name_user(SparkContext._jvm)


def name_user(jvm: Any) -> None:
    """Log in with a stand-in's name: Hadoop's own login fails for a user whom the system lacks."""
    group = jvm.org.apache.hadoop.security.UserGroupInformation
    group.setLoginUser(group.createRemoteUser(stand_in()))


def last_words() -> str:
    """The last lines that Java has written, or a worker, without what Java always says."""
    return "\n".join(line for line in _heard.copy() if not SMALL_TALK.match(line))


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
            listener.join(PATIENCE_S)  # for the last words
    return gateway


def _listen(source: int) -> None:
    """Read to the end, so that a pipe that is full never stops Java."""
    with os.fdopen(source, encoding="utf-8", errors="replace") as lines:
        _heard.extend(line.rstrip("\n") for line in lines)
