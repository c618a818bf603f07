"""What can go wrong, as exit codes and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from semscore.jobs.failures.java_text import CALL, deepest
from semscore.udfs.processes.said import NOTHING, first_sentence, last_exception

TRACE = re.compile(r"^\s+at |^Caused by: |Lost task ", re.M)  # of Java


class JobError(Exception):
    """Ends the command with its message, without a stack trace, and its exit code."""

    exit_code = 1


class UserError(JobError):
    """Something that the user asked for or gave cannot be; nothing was written."""

    exit_code = 2


class AuditFailed(JobError):
    """Rows that went in and rows that came out differ."""

    exit_code = 3


class TooManyErrors(JobError):
    """More rows than --max-error-rate allows could not be scored; what is committed stays."""

    exit_code = 4


class OutputInUse(JobError):
    """Another run writes to the same output."""

    exit_code = 5


class UnitsSetAside(JobError):
    """The run ended, but some units failed; the others are committed."""

    exit_code = 6


class StoppedEarly(JobError):
    """The run ended in good order before all was done, as it was told to; it can be resumed."""

    exit_code = 75


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` if a known name is near, else nothing."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def some_of(names: Sequence[str], shown: int = 20, between: str = ", ") -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return between.join(names[:shown]) + more


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
