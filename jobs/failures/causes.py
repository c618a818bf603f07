"""The cause of an error that ends a run: the user, the device, the machine, or semscore. Pure.

A worker's exception arrives as text inside Spark's error; its class is named in the traceback.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from semscore.jobs.failures.root_cause import full_text, root_cause
from semscore.jobs.failures.wording import as_options
from semscore.udfs.errors import JobError, StorageUnusable, UserError, by_full_name
from semscore.udfs.gpus.leases import LeaseError
from semscore.udfs.processes.said import exceptions

Ending = type[JobError]
NO_TEXT = "similarity() takes "  # the start of the TypeError for a column that is not text


@dataclass(frozen=True)
class Known:
    """An error of Java, Spark or Python that has one cause, and a message that says what to do."""

    pattern: str
    sentence: Callable[[re.Match[str]], str]
    ending: Ending = JobError


def _always(sentence: str) -> Callable[[re.Match[str]], str]:
    """Return a function that ignores the match and returns a fixed sentence."""
    return lambda _: sentence


def _extra() -> str:
    """Return the name of the extra that installs a Spark for this Python."""
    return "spark4" if sys.version_info >= (3, 13) else "local"


FEWER = "start fewer workers (--master local[1]), or use a machine with more memory"
# The first pattern that is found in the text counts, so their order matters.
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
        lambda match: (
            f"Spark cannot start its workers' Python, {match[1]} ({match[2].strip()}): correct "
            "PYSPARK_PYTHON (or spark.pyspark.python), or unset it"
        ),
        UserError,
    ),
    Known(
        r"PYTHON_VERSION_MISMATCH[^\n]*?(\d+\.\d+)[^\n]*?(\d+\.\d+)",
        lambda match: (
            f"the workers' Python is {match[1]} and the driver's is {match[2]}, but Spark needs "
            "the same version: correct PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON"
        ),
        UserError,
    ),
    Known(
        r"\nModuleNotFoundError: No module named '([^']+)'",
        lambda match: (
            f"the workers' Python has no module {match[1]!r}: install semscore and its "
            "dependencies there, or correct PYSPARK_PYTHON (or spark.pyspark.python)"
        ),
        UserError,
    ),
    Known(
        r"java\.lang\.OutOfMemoryError: ([^\n]*)",
        lambda match: (
            f"Spark's Java ran out of memory ({match[1].strip()}): give it more with --conf "
            "spark.driver.memory=8g (on a cluster, set spark.executor.memory)"
        ),
    ),
    Known(
        r"\b(MemoryError|Cannot allocate memory)\b",
        _always(f"a Python worker ran out of memory: {FEWER}"),
    ),
    Known(
        r"No space left on device|Disk quota exceeded",
        _always(
            "a disk is full: free some space in OUTPUT and in the folders for temporary files, or "
            "choose other folders (spark.local.dir, TMPDIR)"
        ),
        StorageUnusable,
    ),
    Known(
        r"ExpiredToken|InvalidAccessKeyId|SignatureDoesNotMatch|provided token has expired",
        lambda match: (
            f"S3 rejected the AWS credentials of Spark ({match[0]}): renew them, or give the "
            "machine a role"
        ),
        StorageUnusable,
    ),
    Known(
        r"AccessDeniedException: (s3[an]?://[^\s,]+?): |S3Exception: [^\n]*Status Code: 403\b",
        lambda match: (
            f"S3 refused a request of Spark (403{f', {match[1]}' if match[1] else ''}): the "
            "credentials lack a right, or the policy of a bucket, a key or an endpoint refuses them"
        ),
        StorageUnusable,
    ),
    Known(
        r"Fatal Python error: ([^\n]+)",
        lambda match: (
            f"a Python worker crashed ({match[1].strip()}) because of an error in a library; "
            "--backend torch or --device cpu may avoid it, and --debug shows where it happened"
        ),
    ),
    Known(
        r"Python worker exited unexpectedly|Python worker failed to connect back"
        r"|java\.net\.SocketException: (Connection reset|Broken pipe)[\s\S]+?\.api\.python\.",
        _always(
            "a Python worker was killed, most likely by the operating system because memory ran "
            f"out: {FEWER}"
        ),
    ),
    Known(
        r"ExecutorLostFailure[^\n]*?Reason: ([^\n]*)",
        lambda match: (
            f"Spark lost an executor ({match[1].strip().rstrip('.')}), most likely because memory "
            "ran out: raise spark.executor.memoryOverhead, or run fewer tasks on each executor"
        ),
    ),
    Known(
        r"\A(Py4JNetworkError|Connection(Refused|Reset|Aborted)Error|BrokenPipeError)\b"
        r"|SparkContext (was|has been) shut ?down|stopped SparkContext",
        _always(
            "Spark ended during the run (killed, out of memory, or stopped by another program); "
            "committed units are kept, and --mode resume continues the run"
        ),
    ),
)


def judged(error: BaseException) -> JobError | None:
    """Return the error to end a run with, which has a message and an exit code.

    None for an error that is not among those known.
    """
    if isinstance(error, JobError):
        return error
    if isinstance(error, LeaseError):
        return JobError(str(error))
    text = full_text(error)
    endings = by_full_name() | {f"{LeaseError.__module__}.{LeaseError.__qualname__}": JobError}
    for raised in reversed(exceptions(text)):
        if ending := endings.get(raised.kind):
            return ending(raised.message)
        if raised.kind == "TypeError" and raised.message.startswith(NO_TEXT):
            return UserError(raised.message)
    whole = f"{type(error).__name__}: {text}"
    for known in KNOWN:
        if match := re.search(known.pattern, whole):
            return known.ending(known.sentence(match))
    return None


def ended_by(error: Exception) -> Exception:
    """Return what to raise for an error: its known form with the error as its cause, or itself."""
    known = judged(error)
    if known is None or known is error:
        return error
    known.__cause__ = error
    return known


def sentence(error: BaseException) -> str:
    """Return why something failed, for users: the message of a known error, else the root cause."""
    return as_options(str(judged(error) or root_cause(error)))
