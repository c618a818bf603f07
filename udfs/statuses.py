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
    Status("ok", "both texts were read in full", True),
    Status(
        "truncated",
        "a text is longer than the model reads, so only its beginning was used",
        True,
    ),
    Status("null", "at least one text is null", False),
    Status("blank", "at least one text is empty or only white space", False),
    Status(
        "error",
        "the model failed even on this row alone, or the vector of a text was zero or not finite",
        False,
    ),
)
OK, TRUNCATED, NULL, BLANK, ERROR = STATUSES = tuple(status.name for status in TABLE)
SCORED = tuple(status.name for status in TABLE if status.has_score)
