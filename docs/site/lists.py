"""Lists as GitHub shows them: one may stand directly behind a paragraph, without a blank line."""

from __future__ import annotations

import re

ITEM = re.compile(r"([-*]|\d+\.) ")


def with_blank_lines(markdown: str) -> str:
    """Return the text with a blank line before each list that follows a paragraph."""
    lines: list[str] = []
    in_code, in_list = False, False
    for line in markdown.split("\n"):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and ITEM.match(line):
            if not in_list and lines and lines[-1].strip():
                lines.append("")
            in_list = True
        elif not line.startswith(" "):
            in_list = in_list and not line.strip()
        lines.append(line)
    return "\n".join(lines)
