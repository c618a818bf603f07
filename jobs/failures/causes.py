"""What an error that ends a run is: the user's, the device's, the machine's, or ours. Pure.

A worker's exception comes back as text inside Spark's error; its class stands in the traceback.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from semscore.jobs.failures.root_cause import full_text, root_cause
from semscore.udfs.errors import (
    JobError,
    UserError,
    by_full_name,
)
from semscore.udfs.gpus.leases import LeaseError
from semscore.udfs.processes.said import exceptions

Ending = type[JobError]
NO_TEXT = "similarity() takes "  # how the TypeError of a column begins that is not text


@dataclass(frozen=True)
class Known:
    """An error of Java's, Spark's or Python's that has one cause, and what to do about it."""

    pattern: str
    sentence: Callable[[re.Match[str]], str]
    ending: Ending = JobError


def _says(sentence: str) -> Callable[[re.Match[str]], str]:
    return lambda _: sentence


def _extra() -> str:
    """Name the extra that has a Spark for this Python."""
    return "spark4" if sys.version_info >= (3, 13) else "local"


FEWER = "start fewer workers (--master local[1]), or take a machine with more memory"
# In this order: the first that is found in the text counts.
KNOWN = (
    Known(
        r"\AModuleNotFoundError: No module named 'pyspark",
        lambda _: (
            f"Spark is not installed in this Python: pip install 'semscore[{_extra()}]', or run "
            "jobs/score.py through spark-submit"
        ),
        UserError,
    ),
    Known(
        r"Cannot run program \"([^\"]+)\"[^\n]*?(?:error=\d+, )?([^\n,]*)(?=\n|$)",
        lambda found: (
            f"Spark cannot start its workers' Python, {found[1]} ({found[2].strip()}): correct "
            "PYSPARK_PYTHON (or spark.pyspark.python), or unset it"
        ),
        UserError,
    ),
    Known(
        r"PYTHON_VERSION_MISMATCH[^\n]*?(\d+\.\d+)[^\n]*?(\d+\.\d+)",
        lambda found: (
            f"the workers' Python is {found[1]} and the driver's is {found[2]}, and Spark needs "
            "the same version: correct PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON"
        ),
        UserError,
    ),
    Known(
        r"\nModuleNotFoundError: No module named '([^']+)'",
        lambda found: (
            f"the workers' Python has no module {found[1]!r}: install semscore and what it needs "
            "there, or correct PYSPARK_PYTHON (or spark.pyspark.python)"
        ),
        UserError,
    ),
    Known(
        r"java\.lang\.OutOfMemoryError: ([^\n]*)",
        lambda found: (
            f"Spark's Java ran out of memory ({found[1].strip()}): give it more with --conf "
            "spark.driver.memory=8g (on a cluster spark.executor.memory)"
        ),
    ),
    Known(
        r"\b(MemoryError|Cannot allocate memory)\b",
        _says(f"a Python worker ran out of memory: {FEWER}"),
    ),
    Known(
        r"No space left on device|Disk quota exceeded",
        _says(
            "a disk is full: make room in OUTPUT and in the folder for temporary files, or choose "
            "others (spark.local.dir, TMPDIR)"
        ),
    ),
    Known(
        r"Fatal Python error: ([^\n]+)",
        lambda found: (
            f"a Python worker crashed ({found[1].strip()}): a library below is at fault; "
            "--backend torch or --device cpu may go around it, and --debug shows where it was"
        ),
    ),
    Known(
        r"Python worker exited unexpectedly|Python worker failed to connect back"
        r"|java\.net\.SocketException: (Connection reset|Broken pipe)[\s\S]+?\.api\.python\.",
        _says(
            "a Python worker was ended from outside, most likely by the system for want of "
            f"memory: {FEWER}"
        ),
    ),
    Known(
        r"ExecutorLostFailure[^\n]*?Reason: ([^\n]*)",
        lambda found: (
            f"Spark lost an executor ({found[1].strip().rstrip('.')}), most often for want of "
            "memory: raise spark.executor.memoryOverhead, or run fewer tasks on each executor"
        ),
    ),
    Known(
        r"\A(Py4JNetworkError|Connection(Refused|Reset|Aborted)Error|BrokenPipeError)\b"
        r"|SparkContext (was|has been) shut ?down|stopped SparkContext",
        _says(
            "Spark ended while the run was going on (killed, out of memory, or stopped by somebody "
            "else); what is committed stays, and --mode resume continues"
        ),
    ),
)


def judged(error: BaseException) -> JobError | None:
    """The error that ends a run with its sentence and exit code; None: one that nobody foresaw."""
    if isinstance(error, JobError):
        return error
    if isinstance(error, LeaseError):
        return JobError(str(error))
    text = full_text(error)
    named = by_full_name() | {f"{LeaseError.__module__}.{LeaseError.__qualname__}": JobError}
    for raised in reversed(exceptions(text)):
        if ending := named.get(raised.kind):
            return ending(raised.message)
        if raised.kind == "TypeError" and raised.message.startswith(NO_TEXT):
            return UserError(raised.message)
    whole = f"{type(error).__name__}: {text}"
    for known in KNOWN:
        if found := re.search(known.pattern, whole):
            return known.ending(known.sentence(found))
    return None


def ended_by(error: Exception) -> Exception:
    """What to raise for an error: what is known of it, caused by it, else the error itself."""
    known = judged(error)
    if known is None or known is error:
        return error
    known.__cause__ = error
    return known


def sentence(error: BaseException) -> str:
    """Why something failed, for people: what is known of such errors, else the root cause."""
    return str(judged(error) or root_cause(error))
