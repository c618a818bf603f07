"""Texts of the code, which have no marks except backticks, as Markdown."""

from __future__ import annotations

import re

# An option, with its value if that can only be one.
OPTION = re.compile(r"(?<![\w-])(--mode (?:new|resume|overwrite)|--[a-z][\w-]*)")


def marked(text: str) -> str:
    """Return a text with options as code, and with what Markdown would read otherwise escaped."""
    parts = re.split(r"(`[^`]+`)", text)
    for place in range(0, len(parts), 2):
        plain = re.sub(r"([*_<>\[\]|])", r"\\\1", parts[place])
        parts[place] = OPTION.sub(r"`\1`", plain)
    return "".join(parts)
