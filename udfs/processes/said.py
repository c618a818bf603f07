"""Parsing of exceptions in the text of Python tracebacks. Pure functions."""

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
    """An exception, as found in a text."""

    kind: str  # the class, with its module if the text has it
    message: str  # in one line; empty if there is none

    def __str__(self) -> str:
        """Return the message, preceded by the class name unless the class is semscore's own."""
        if self.message in NOTHING:
            return self.kind.rpartition(".")[2]
        if self.kind.startswith(OURS):
            return self.message
        return f"{self.kind.rpartition('.')[2]}: {self.message}"


def exceptions(text: str) -> list[Raised]:
    """Return the exceptions of all tracebacks in a text, in order. The last raised is the last."""
    return list(_exceptions(_without_gutters(text).splitlines()))


def last_exception(text: str) -> str:
    """Return the last exception that has a message, else the last one. Empty if there is none."""
    raised = exceptions(text)
    chosen = [exception for exception in raised if exception.message not in NOTHING] or raised
    return str(chosen[-1]) if chosen else ""


def first_sentence(lines: Sequence[str]) -> str:
    """Return the first line that is not blank.

    While it ends with a comma, a colon or an opening bracket, the following line is appended.
    """
    sentence = ""
    for line in map(str.strip, lines):
        if sentence and (not line or line.startswith("==")):
            break
        sentence = f"{sentence} {line}".strip()
        if sentence and not sentence.endswith(UNFINISHED):
            break
    return sentence.rstrip(" ;:")


def _exceptions(lines: Sequence[str]) -> Iterator[Raised]:
    in_frames = False
    for place, line in enumerate(lines):
        if TRACEBACK in line:
            in_frames = True
        elif in_frames and line.strip() and not line[0].isspace():
            in_frames = False
            head = HEAD.fullmatch(line.strip())
            kind, message = head.groups("") if head else ("Exception", line)
            yield Raised(kind, first_sentence([message, *_rest(lines[place + 1 :])]))


def _rest(lines: Sequence[str]) -> Iterator[str]:
    """Yield the further lines of a message."""
    for line in lines:
        if TRACEBACK in line or line.startswith("\tat "):
            return
        yield line


def _without_gutters(text: str) -> str:
    """Return the tracebacks of an exception group one after another, without the drawn frame."""
    if GROUP not in text:
        return text
    plain = []
    for line in text.splitlines():
        if NUMBERED.fullmatch(line):  # an exception that was never raised has no traceback line
            line = TRACEBACK
        drawn = DRAWN.match(line)
        plain.append(line[drawn.end() :] if drawn else line)
    return "\n".join(plain)
