"""Format progress.json as one line, for people."""

from __future__ import annotations

from typing import Any

from semscore.jobs.failures.wording import counted


def told(facts: dict[str, Any]) -> str:
    """Return the facts of progress.json as one line."""
    share = facts["rows"] / max(facts["rows_total"], 1)
    parts = [f"{facts['rows']:,} of {counted(facts['rows_total'], 'row')} ({share:.0%})"]
    if facts["rows_per_s"]:
        parts.append(f"{facts['rows_per_s']:,.0f} rows/s")
    if facts["eta_s"] is not None:
        parts.append(f"{duration(facts['eta_s'])} left")
    parts.append(f"{facts['units_done']:,} of {counted(facts['units_total'], 'unit')}")
    if facts["units_failed"]:
        parts.append(f"{facts['units_failed']:,} set aside")
    if facts["workers"]:
        parts.append(counted(facts["workers"], "worker"))
    if facts["distinct_share"]:
        parts.append(f"{facts['distinct_share']:.0%} distinct texts")
    if facts["errors"]:
        parts.append(counted(facts["errors"], "error"))
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds as `2 h 05 min` or `3 min 20 s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
