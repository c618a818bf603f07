"""What can go wrong, for both sides, as exit codes and sentences. Imports nothing of semscore."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class JobError(Exception):
    """Ends the command with its message, without a stack trace, and its exit code."""

    exit_code = 1


class UserError(JobError):
    """Something that the user asked for or gave cannot be; nothing was written."""

    exit_code = 2


class RecipeError(UserError, ValueError):
    """A value that Recipe or Engine cannot take; the message says what was found and allowed."""


class ModelError(UserError, ValueError):
    """The model cannot be used; the message says why and what to do."""


class NotHere(ModelError):
    """This machine does not have the model; the hub may."""


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


class ChildFailed(JobError):
    """The other Python ended before its work was done; the message says why, as far as it can."""


class CanaryFailed(JobError):
    """The vectors of known texts are not what they should be; the message says how."""


class DeviceFailed(JobError):
    """The task's device cannot be used, or cannot be trusted; the message names host and device."""


def by_full_name() -> dict[str, type[JobError]]:
    """The errors of this module by their names in a worker's traceback."""
    errors = [kind for kind in globals().values() if isinstance(kind, type)]
    return {f"{__name__}.{kind.__name__}": kind for kind in errors if issubclass(kind, JobError)}


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` if a known name is near, else nothing."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def some_of(names: Sequence[str], shown: int = 20, between: str = ", ") -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return between.join(names[:shown]) + more
