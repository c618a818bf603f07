"""Parsing of Java's stack traces in the text of errors from py4j and Spark. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semscore.udfs.processes.said import NOTHING, Raised, first_sentence

CLASS = re.compile(r"((?:[\w$]+\.)+[\w$]+)(?:: ?(.*))?", re.S)
CALL = re.compile(r"\AAn error occurred while calling [^\n]*\n(: )?")
CAUSED = "Caused by: "
FRAME = re.compile(r"\s+(at |\.\.\. \d+ more)")
# A task's own error, embedded in a sentence about its stage.
LOST_TASK = re.compile(r"Lost task [\d.]+ in stage [\d.]+ \(TID \d+\) \([^)]*\): (.*)", re.S)
ERROR_CLASS = re.compile(r"\[([A-Z0-9_.]+)\] ")  # Spark's own names of errors
WRAPPER = re.compile("TASK_WRITE_FAILED|FAILED_|CANNOT_|INTERNAL_ERROR")  # the cause is deeper
FILE = re.compile(
    r"(?:while reading file|in file|footer for file:|Checksum error:|Could not read file:?)"
    r" ?((?:[a-z0-9]+:)?/[^\n]*?)(?=[.,;]? (?:Details|Column|Expected|at \d)|[.,;:]?\s*(?:\n|\Z))"
    r"|(s3a?://[^\s:;,]+)"
)
COLUMN = re.compile(r"[Cc]olumns?: \[?([^\],\n]+)")


def causes(text: str) -> list[Raised]:
    """Return the exceptions of a stack trace, outermost first; empty if the text contains none."""
    chain: list[Raised] = []
    for head in _heads(CALL.sub("", text)):
        whole = CLASS.match(head)
        if whole:
            chain.append(Raised(whole[1], first_sentence((whole[2] or "").splitlines())))
        if lost := LOST_TASK.search(head):
            own = CLASS.match(lost[1])
            kind, message = own.groups("") if own else ("", lost[1])
            chain[-1:] = [Raised(kind, first_sentence(message.splitlines()))]
    return chain


def deepest(text: str) -> str:
    """Return the deepest cause that has a message; empty if there is no stack trace.

    A file and a column that only other causes name are added. Spark's own named errors are written
    for users, so they take precedence over the causes below them. If deeper causes have no message,
    the class of one follows in parentheses.
    """
    chain, silent = causes(text), list[str]()
    for cause in reversed(chain):
        if (named := ERROR_CLASS.match(cause.message)) and not WRAPPER.match(named[1]):
            return _with_place(cause.message, text)
    for cause in reversed(chain):
        if cause.message not in NOTHING and not CLASS.fullmatch(cause.message):
            return _with_place(_shown(cause), text) + (f" ({silent[-1]})" if silent else "")
        silent.append(cause.kind)
    return _with_place(silent[0], text) if chain else ""


def _heads(text: str) -> Iterator[str]:
    """Yield the text before the frames of each exception: its class and message."""
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
    """Return a cause's message, with its class unless Spark named the error."""
    if not cause.kind or ERROR_CLASS.match(cause.message):
        return cause.message
    return f"{cause.kind}: {cause.message}"


def _with_place(sentence: str, text: str) -> str:
    """Return the sentence with the file and column that are named elsewhere in the text."""
    places = []
    for what, pattern in (("file", FILE), ("column", COLUMN)):
        match = pattern.search(text)
        place = match[match.lastindex or 0].strip() if match else ""
        if place and place not in sentence:
            places.append(f"{what} {place}")
    return f"{sentence} ({', '.join(places)})" if places else sentence
