"""Words that messages share."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Return a number with its noun in the right form: `1 file`, `1,200 files`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
