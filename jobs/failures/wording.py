"""Numbers in messages to users."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right form: "1 unit", "1,200 units"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
