"""The findings of checks, including checks that fail themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.failures.wording import as_options
from semscore.udfs.errors import JobError
from semscore.udfs.gpus.leases import LeaseError

Level = Literal["ok", "warn", "fail"]

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis."""

    check: str
    level: Level  # warn: the run works, but slower, or may fail later; fail: it does not work
    found: str
    fix: str = ""  # what to do about it; empty: nothing to do

    def __str__(self) -> str:
        return f"{self.check}: {self.found}{f'; {self.fix}' if self.fix else ''}"


Check = Callable[[], Iterable[Finding]]


def findings(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Make checks in order and yield their findings; a check that raises becomes a finding.

    An unexpected error is only a warning, because the check may be at fault rather than the run.
    """
    for name, check in checks.items():
        try:
            yield from map(_with_options, check())
        except (JobError, LeaseError, OSError) as error:
            yield refused(name, as_options(str(error)))
        except Exception as error:
            log.debug("check of %s", name, exc_info=True)
            yield Finding(
                name,
                "warn",
                f"could not be checked: {root_cause(error)}",
                "--debug shows where this happened",
            )


def _with_options(finding: Finding) -> Finding:
    return replace(finding, found=as_options(finding.found), fix=as_options(finding.fix))


def refused(check: str, sentence: str) -> Finding:
    """Split an error's message, which says what was found and ends with the fix, into a finding."""
    found, _, fix = sentence.rpartition(". ")
    if not found:
        found, _, fix = sentence.partition("; ")
    return Finding(check, "fail", found, fix)
