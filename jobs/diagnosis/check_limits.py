"""Check the limits that can end a run: on time, and on open files."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from time import time

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.inside_job import ends_at

SHORT_S = 15 * 60
OPEN_FILES = 1024  # macOS allows 256 by default, which is fewer than Spark's own jars


def check_time(deadline: float | None) -> Iterator[Finding]:
    """Report the time left for a run that starts now: --deadline, else SageMaker's limit if any."""
    ends = ends_at()
    if deadline is None and ends is None:
        yield Finding("time limit", "ok", "none")
        return
    left, whose = (
        (deadline, "--deadline")
        if deadline is not None
        else ((ends or 0) - time(), "SageMaker's time limit")
    )
    found = f"{whose} leaves {max(left, 0) / 60:,.0f} min"
    if left >= SHORT_S:
        yield Finding("time limit", "ok", found)
        return
    fix = "allow more time, or score the rest later with --mode resume"
    yield Finding("time limit", "warn", found, fix)


def check_open_files() -> Iterator[Finding]:
    """Report how many files this process may open at once; Spark inherits the limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES:
        yield Finding("open files", "ok", "no limit" if soft < 0 else f"{soft:,} at once")
    else:
        yield Finding(
            "open files",
            "warn",
            f"{soft:,} at once, fewer than {OPEN_FILES:,}",
            "raise it in this shell: ulimit -n 65536",
        )
