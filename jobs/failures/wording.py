"""Numbers and names of options in messages to users."""

from __future__ import annotations

import re

FIELD = re.compile(r"\b(?:Recipe|Engine)\.([a-z][a-z0-9_]*)")


def as_options(message: str) -> str:
    """Return a message with the command's names: `Recipe.truncate_dim` becomes --truncate-dim.

    Messages of semscore.udfs name the fields, because they are also for those who call it from
    Python.
    """
    return FIELD.sub(lambda match: f"--{match[1].replace('_', '-')}", message)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the right form: "1 unit", "1,200 units"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
