"""Lists and quotes as on GitHub, for a Markdown that needs blank lines and four spaces."""

from __future__ import annotations

import re

ITEM = re.compile(r"([-*]|\d+\.) +")
INDENT = " " * 4


def as_everywhere(markdown: str) -> str:
    """Return the text with blank lines before lists and quotes, and items indented by four spaces.

    On GitHub, a list may stand directly behind a paragraph, and what belongs to an item is indented
    by as much as its first word.
    """
    return "\n".join(_with_lists(markdown.split("\n")))


def _with_lists(lines: list[str]) -> list[str]:
    result: list[str] = []
    in_code, in_list, place = False, False, 0
    while place < len(lines):
        line = lines[place]
        place += 1
        item = None if in_code else ITEM.match(line)
        if item is None:
            if line.lstrip().startswith("```"):
                in_code = not in_code
            is_quote = line.startswith(">") and not in_code
            if is_quote and result and result[-1].strip() and not result[-1].startswith(">"):
                result.append("")
            in_list = in_list and not line.strip()
            result.append(line)
            continue
        if not in_list and result and result[-1].strip():
            result.append("")
        in_list = True
        width = item.end()
        more = _indented(lines[place:], width)
        place += more
        body = [line[width:], *(text[width:] for text in lines[place - more : place])]
        first, *rest = _with_lists(body)
        result.append(item[0] + first)
        result += [INDENT + text if text.strip() else "" for text in rest]
    return result


def _indented(lines: list[str], width: int) -> int:
    """Return how many of the lines belong to an item: indented ones, and blank ones before them."""
    count = 0
    for place, line in enumerate(lines, 1):
        if line.startswith(" " * width):
            count = place
        elif line.strip():
            break
    return count
