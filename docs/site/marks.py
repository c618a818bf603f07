"""Texts of the code, which have no marks except backticks, as Markdown."""

from __future__ import annotations

import re


def marked(text: str) -> str:
    """Return a text with options as code, and with what Markdown would read otherwise escaped."""
    parts = re.split(r"(`[^`]+`)", text)
    for place in range(0, len(parts), 2):
        plain = re.sub(r"([*_<>\[\]|])", r"\\\1", parts[place])
        parts[place] = re.sub(r"(?<![\w-])(--[a-z][\w-]*)", r"`\1`", plain)
    return "".join(parts)
