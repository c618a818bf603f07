"""Ids of runs, which contain the start time."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

STAMP = "%Y%m%dT%H%M%S"  # start time in a run's id


def new_id() -> str:
    """Return a unique id for a run that starts now."""
    return f"{datetime.now(timezone.utc):{STAMP}}-{uuid.uuid4().hex[:8]}"


def began(run: str) -> float:
    """Return when a run started, according to its id, as seconds since the epoch."""
    stamp = datetime.strptime(run.partition("-")[0], STAMP)
    return stamp.replace(tzinfo=timezone.utc).timestamp()


def now() -> str:
    """Return the current time in UTC, as ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
