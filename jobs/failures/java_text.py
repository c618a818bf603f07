"""Java's stack traces as text, the way py4j and Spark hand them on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semscore.udfs.processes.said import NOTHING, Raised, first_sentence

CLASS = re.compile(r"((?:[\w$]+\.)+[\w$]+)(?:: ?(.*))?", re.S)
CALL = re.compile(r"\AAn error occurred while calling [^\n]*\n(: )?")
CAUSED = "Caused by: "
FRAME = re.compile(r"\s+(at |\.\.\. \d+ more)")
# A task's own error, in the middle of a sentence about its stage.
LOST_TASK = re.compile(r"Lost task [\d.]+ in stage [\d.]+ \(TID \d+\) \([^)]*\): (.*)", re.S)
ERROR_CLASS = re.compile(r"\[([A-Z0-9_.]+)\] ")  # Spark's own names of errors
WRAPPER = re.compile("TASK_WRITE_FAILED|FAILED_|CANNOT_|INTERNAL_ERROR")  # they point below
FILE = re.compile(
    r"(?:while reading file|in file|footer for file:|Checksum error:|Could not read file:?)"
    r" ?((?:[a-z0-9]+:)?/[^\n]*?)(?=[.,;]? (?:Details|Column|Expected|at \d)|[.,;:]?\s*(?:\n|\Z))"
    r"|(s3a?://[^\s:;,]+)"
)
COLUMN = re.compile(r"[Cc]olumns?: \[?([^\],\n]+)")


def causes(text: str) -> list[Raised]:
    """The chain of a stack trace, outermost first; empty: the text holds none."""
    found: list[Raised] = []
    for said in _heads(CALL.sub("", text)):
        whole = CLASS.match(said)
        if whole:
            found.append(Raised(whole[1], first_sentence((whole[2] or "").splitlines())))
        if lost := LOST_TASK.search(said):
            own = CLASS.match(lost[1])
            kind, message = own.groups("") if own else ("", lost[1])
            found[-1:] = [Raised(kind, first_sentence(message.splitlines()))]
    return found


def deepest(text: str) -> str:
    """The deepest cause that says something, with file and column if any other names them.

    Spark's own named errors are written for users, and count before what is below them. Classes of
    deeper causes without a message follow in parentheses. Empty: there is no stack.
    """
    chain, mute = causes(text), list[str]()
    for cause in reversed(chain):
        if (named := ERROR_CLASS.match(cause.message)) and not WRAPPER.match(named[1]):
            return _with_place(cause.message, text)
    for cause in reversed(chain):
        if cause.message not in NOTHING and not CLASS.fullmatch(cause.message):
            return _with_place(_shown(cause), text) + (f" ({mute[-1]})" if mute else "")
        mute.append(cause.kind)
    return _with_place(mute[0], text) if chain else ""


def _heads(text: str) -> Iterator[str]:
    """What stands before the frames of each exception."""
    head: list[str] = []
    for line in text.splitlines():
        starts = line.startswith(CAUSED)
        if (starts or FRAME.match(line)) and head:
            yield "\n".join(head)
            head = []
        if starts:
            head = [line.removeprefix(CAUSED)]
        elif not FRAME.match(line) and (head or CLASS.match(line)):
            head.append(line)
    if head:
        yield "\n".join(head)


def _shown(cause: Raised) -> str:
    if not cause.kind or ERROR_CLASS.match(cause.message):
        return cause.message
    return f"{cause.kind}: {cause.message}"


def _with_place(said: str, text: str) -> str:
    """The sentence, and the file and column that are named elsewhere in the text."""
    places = []
    for what, pattern in (("file", FILE), ("column", COLUMN)):
        named = pattern.search(text)
        place = named[named.lastindex or 0].strip() if named else ""
        if place and place not in said:
            places.append(f"{what} {place}")
    return f"{said} ({', '.join(places)})" if places else said
