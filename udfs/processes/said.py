"""What a program says of its end: the exceptions in the text of Python's tracebacks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

TRACEBACK = "Traceback (most recent call last):"
GROUP = "Exception Group Traceback"
HEAD = re.compile(r"([^\W\d][\w.]*)(?:: ?(.*))?")
NUMBERED = re.compile(r"\s*\+[-+]+ \d+ -+\s*")
DRAWN = re.compile(r"\s*(\| ?|\+ (?=Exception)|\+[-+]+\s*$)")
OURS = "semscore."
UNFINISHED = (":", ",", "(", "[", "{")
NOTHING = ("", "None", "null", "()", "''")


class Raised(NamedTuple):
    """An exception as a text shows it."""

    kind: str  # the class with its module, as far as the text has it
    message: str  # in one line; empty: it has none

    def __str__(self) -> str:
        """Of our own classes the message, which is a sentence; else with the class's name."""
        if self.message in NOTHING:
            return self.kind.rpartition(".")[2]
        if self.kind.startswith(OURS):
            return self.message
        return f"{self.kind.rpartition('.')[2]}: {self.message}"


def exceptions(text: str) -> list[Raised]:
    """The exceptions of all tracebacks in a text, in its order: what was raised last is last."""
    return list(_exceptions(_without_gutters(text).splitlines()))


def last_exception(text: str) -> str:
    """The last exception with a message, else the last; empty: there is no traceback."""
    found = exceptions(text)
    telling = [one for one in found if one.message not in NOTHING] or found
    return str(telling[-1]) if telling else ""


def first_sentence(lines: Sequence[str]) -> str:
    """The first line that is not blank, with the following ones as long as it is unfinished."""
    said = ""
    for line in map(str.strip, lines):
        if said and (not line or line.startswith("==")):
            break
        said = f"{said} {line}".strip()
        if said and not said.endswith(UNFINISHED):
            break
    return said.rstrip(" ;:")


def _exceptions(lines: Sequence[str]) -> Iterator[Raised]:
    in_frames = False
    for place, line in enumerate(lines):
        if TRACEBACK in line:
            in_frames = True
        elif in_frames and line.strip() and not line[0].isspace():
            in_frames = False
            head = HEAD.fullmatch(line.strip())
            kind, said = head.groups("") if head else ("Exception", line)
            yield Raised(kind, first_sentence([said, *_rest(lines[place + 1 :])]))


def _rest(lines: Sequence[str]) -> Iterator[str]:
    """The further lines of a message."""
    for line in lines:
        if TRACEBACK in line or line.startswith("\tat "):
            return
        yield line


def _without_gutters(text: str) -> str:
    """A group of exceptions as tracebacks one after another, without the lines drawn beside."""
    if GROUP not in text:
        return text
    plain = []
    for line in text.splitlines():
        if NUMBERED.fullmatch(line):  # what follows may be an exception that was never raised
            line = TRACEBACK
        drawn = DRAWN.match(line)
        plain.append(line[drawn.end() :] if drawn else line)
    return "\n".join(plain)
