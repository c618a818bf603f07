"""What can go wrong, as exit codes and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches


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
    """The sentence of the exception that started it, out of Spark's nested texts.

    Spark wraps a Python worker's exception as `…PythonException: …Traceback…` followed by Java
    frames: the cause is the last line of the last traceback. py4j puts the Java exception below a
    line of its own.
    """
    text = str(error)
    tracebacks = re.findall(
        r"Traceback \(most recent call last\):\n(.*?)(?:\n\n|\n\tat |\Z)", text, re.S
    )
    if tracebacks:
        return str(tracebacks[-1].strip().splitlines()[-1]).strip()
    caused = re.findall(r"^Caused by: (.*)$", text, re.M)
    text = re.sub(r"\AAn error occurred while calling \S+\n: ", "", text)
    lines = [line for line in text.strip().splitlines() if line.strip()] or [type(error).__name__]
    return str(caused[-1] if caused else lines[0]).strip()
