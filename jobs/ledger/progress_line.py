"""progress.json in a line, for people."""

from __future__ import annotations

from typing import Any


def told(facts: dict[str, Any]) -> str:
    """The facts of progress.json in a line, for people."""
    share = facts["rows"] / max(facts["rows_total"], 1)
    parts = [f"{facts['rows']:,} of {facts['rows_total']:,} rows ({share:.0%})"]
    if facts["rows_per_s"]:
        parts.append(f"{facts['rows_per_s']:,.0f} rows/s")
    if facts["eta_s"] is not None:
        parts.append(f"{duration(facts['eta_s'])} left")
    parts.append(f"{facts['units_done']:,} of {facts['units_total']:,} units")
    if facts["units_failed"]:
        parts.append(f"{facts['units_failed']:,} set aside")
    if facts["workers"]:
        parts.append(f"{facts['workers']:,} workers")
    if facts["distinct_share"]:
        parts.append(f"{facts['distinct_share']:.0%} distinct texts")
    if facts["errors"]:
        parts.append(f"{facts['errors']:,} errors")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """`2 h 05 min`, `3 min 20 s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
