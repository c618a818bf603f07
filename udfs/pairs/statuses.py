"""The table of all statuses that a pair can have. Results, report, plan and docs read it."""

from __future__ import annotations

from typing import NamedTuple


class Status(NamedTuple):
    """The outcome for a pair."""

    name: str  # as in the column `semanticStatus`
    meaning: str
    has_score: bool


# In display order.
TABLE = (
    Status("ok", "both texts were read whole", True),
    Status("truncated", "a text is longer than the model reads; scored on its beginning", True),
    Status("null", "a text is null", False),
    Status("blank", "a text is empty or white space", False),
    Status("error", "the model failed on this row alone, or gave a zero or infinite vector", False),
)
OK, TRUNCATED, NULL, BLANK, ERROR = STATUSES = tuple(status.name for status in TABLE)
SCORED = tuple(status.name for status in TABLE if status.has_score)
