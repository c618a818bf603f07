"""The Java process of a Spark that we start: its user, and its output, which is not shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.serializers import UTF8Deserializer, read_int

from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.spark.java_command import java_command, java_variables
from semscore.jobs.spark.surroundings import stand_in, user_name, with_variables

GONE = "JAVA_GATEWAY_EXITED"  # pyspark's error class for a Java that ended immediately
JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
KEPT_LINES = 200  # of the output of Java and the Python workers
PATIENCE_S = 5.0
POLL_S = 0.01
ROUTINE = re.compile(r"(NOTE: )?Picked up |WARNING: |.* VM warning: |.*\bWARN\b|\s*$")

_output: deque[str] = deque(maxlen=KEPT_LINES)  # a Python process has one Java at most


class JavaProcess:
    """A Java that starts in the background, and then waits for this Python to connect.

    It ends when this Python ends. `settings`: Spark's. `variables`: the environment.
    """

    def __init__(
        self, command: list[str], settings: Mapping[str, str], variables: Mapping[str, str]
    ) -> None:
        self.settings = dict(settings)
        self._place = tempfile.TemporaryDirectory(prefix="semscore-java-")
        self._said = Path(self._place.name, "connection")
        ours, theirs = os.pipe()
        self._listener = Thread(target=_listen, args=(ours,), name="semscore-java", daemon=True)
        self._listener.start()
        try:
            self._process = subprocess.Popen(
                command,
                env={
                    **variables,
                    **java_variables(),
                    "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._said),
                },
                stdin=subprocess.PIPE,  # Java ends when it is closed
                stdout=theirs,
                stderr=theirs,
                preexec_fn=_ignore_interrupts,
                cwd=_working_folder(),
            )
        finally:
            os.close(theirs)

    def connect(self) -> Any:
        """Wait until Java has started, and return pyspark's gateway to it.

        Raises pyspark's error if Java ends instead.
        """
        while not self._said.exists() and self._process.poll() is None:
            sleep(POLL_S)
        if not self._said.exists():
            self._listener.join(PATIENCE_S)  # until it has read the last lines
            self._place.cleanup()
            raise PySparkRuntimeError(error_class=GONE, message_parameters={})
        with self._said.open("rb") as said:
            port, secret = read_int(said), UTF8Deserializer().loads(said)  # type: ignore[no-untyped-call]
        self._place.cleanup()
        with with_variables({"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}):
            gateway: Any = launch_gateway()  # type: ignore[no-untyped-call]
        gateway.proc = self._process
        return gateway

    def kill(self) -> None:
        """End a Java that is not needed."""
        self._process.kill()
        self._process.wait()
        self._place.cleanup()


_early: JavaProcess | None = None  # until it is used


def begin_java(java: Path, settings: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Begin to start a quiet Java for a local Spark, unless only spark-submit can, or one runs.

    start_java uses it if it is called with the same settings.
    """
    global _early
    command = java_command(java, settings)
    if command and SparkContext._gateway is None and _early is None:
        _output.clear()
        _early = JavaProcess(command, settings, variables)


def drop_java() -> None:
    """End the Java that was begun, unless it is in use."""
    global _early
    if _early:
        _early.kill()
        _early = None


def start_java(settings: SparkConf, quiet: bool) -> None:
    """Start the Java that Spark runs in, unless this Python has started one already.

    `quiet`: do not show the output of Java, Spark's log and the Python workers, but keep its end
    for `why_not`. Raises pyspark's error if Java ends immediately.
    """
    if SparkContext._gateway is None:
        gateway = _begun(settings) if quiet else None
        if gateway is None:
            drop_java()
            _output.clear()
            place = {"cwd": folder} if (folder := _working_folder()) else {}
            gateway = _launch_quietly(settings, place) if quiet else _launch(settings, place)
        SparkContext._ensure_initialized(gateway=gateway)
    if not user_name():
        name_user(SparkContext._jvm)


def _begun(settings: SparkConf) -> Any | None:
    """Return the gateway to the Java that was begun with these settings, if there is one."""
    global _early
    if _early is None or _early.settings != dict(settings.getAll()):
        return None
    begun, _early = _early, None
    return begun.connect()


def _working_folder() -> str | None:
    """Return Java's working folder, from which its Python workers start; None for this one's.

    Spark starts `python -m`, for which Python 3.10 searches the working folder first.
    """
    return None if sys.version_info >= (3, 11) else "/"


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to this Python, as pyspark does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
