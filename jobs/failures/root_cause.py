"""Finding the root cause in nested exceptions and in Spark's long error texts."""

from __future__ import annotations

import re

from semscore.jobs.failures.java_text import CALL, deepest
from semscore.udfs.errors import JobError
from semscore.udfs.processes.said import NOTHING, first_sentence, last_exception

TRACE = re.compile(r"^\s+at |^Caused by: |Lost task ", re.M)  # signs of a Java stack trace


def root_cause(error: BaseException) -> str:
    """Return the root cause of an error as one whole sentence, never empty.

    For a Python worker, this is its last exception that has a message. For Java, it is the deepest
    cause that has a message, with the file and column that other causes name. If none has a
    message, it is the name of the class.
    """
    text = full_text(error)
    if raised := last_exception(text):
        return raised
    if TRACE.search(text) and (cause := deepest(text)):
        return cause
    sentence = first_sentence(CALL.sub("", text).splitlines())
    if sentence in NOTHING:
        deeper = error.__cause__ or error.__context__
        return root_cause(deeper) if deeper else type(error).__name__
    bare = " " not in sentence and not isinstance(error, JobError)  # such as a KeyError's key
    return f"{type(error).__name__}: {sentence}" if bare else sentence


def full_text(error: BaseException) -> str:
    """Return an exception's whole text; pyspark keeps Java's stack in attributes that vary."""
    stack = getattr(error, "stackTrace", None) or getattr(error, "_stackTrace", None)
    return stack if isinstance(stack, str) and "Caused by: " in stack else str(error)
