"""The sentence of what started it, out of nested exceptions and Spark's long texts."""

from __future__ import annotations

import re

from semscore.jobs.failures.java_text import CALL, deepest
from semscore.udfs.errors import JobError
from semscore.udfs.processes.said import NOTHING, first_sentence, last_exception

TRACE = re.compile(r"^\s+at |^Caused by: |Lost task ", re.M)  # of Java


def root_cause(error: BaseException) -> str:
    """The sentence of what started it, out of nested exceptions and Spark's long texts.

    Never empty, nor half a sentence: the deepest of Java's causes that says something, with the
    file and column that others name; of a Python worker's exception, the last that says something;
    the class's name where none does.
    """
    text = full_text(error)
    if raised := last_exception(text):
        return raised
    if TRACE.search(text) and (cause := deepest(text)):
        return cause
    said = first_sentence(CALL.sub("", text).splitlines())
    if said in NOTHING:
        deeper = error.__cause__ or error.__context__
        return root_cause(deeper) if deeper else type(error).__name__
    bare = " " not in said and not isinstance(error, JobError)  # such as KeyError's
    return f"{type(error).__name__}: {said}" if bare else said


def full_text(error: BaseException) -> str:
    """All that an exception says; pyspark keeps Java's stack apart, by names that vary."""
    stack = getattr(error, "stackTrace", None) or getattr(error, "_stackTrace", None)
    return stack if isinstance(stack, str) and "Caused by: " in stack else str(error)
