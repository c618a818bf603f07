"""Names of runs, which say when each began."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

STAMP = "%Y%m%dT%H%M%S"  # of runs' names


def new_id() -> str:
    """A name for a run that begins now, and that no other has."""
    return f"{datetime.now(timezone.utc):{STAMP}}-{uuid.uuid4().hex[:8]}"


def began(run: str) -> float:
    """When a run began, as time() has it: its id says so."""
    stamp = datetime.strptime(run.partition("-")[0], STAMP)
    return stamp.replace(tzinfo=timezone.utc).timestamp()


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
