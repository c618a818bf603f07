"""What a check has found; also what is found where a check cannot be made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import JobError
from semscore.udfs.gpus.leases import LeaseError

Level = Literal["ok", "warn", "fail"]

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis."""

    check: str
    level: Level  # warn: the run works, but slower, or not for long; fail: it does not work
    found: str
    fix: str = ""  # what to do about it; empty: nothing

    def __str__(self) -> str:
        return f"{self.check}: {self.found}{f'; {self.fix}' if self.fix else ''}"


Check = Callable[[], Iterable[Finding]]


def findings(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Make checks, in order: what they find, or that one was refused. Raises nothing itself.

    An error that nobody foresaw is a warning: it says more about the check than about the run.
    """
    for name, check in checks.items():
        try:
            yield from check()
        except (JobError, LeaseError, OSError) as error:
            yield refused(name, str(error))
        except Exception as error:
            log.debug("check of %s", name, exc_info=True)
            yield Finding(
                name, "warn", f"could not be checked: {root_cause(error)}", "--debug shows where"
            )


def refused(check: str, sentence: str) -> Finding:
    """An error's sentence, which says what was found and ends with what to do about it."""
    found, _, fix = sentence.rpartition(". ")
    if not found:
        found, _, fix = sentence.partition("; ")
    return Finding(check, "fail", found, fix)
