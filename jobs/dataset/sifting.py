"""Which of some files Spark cannot read: Spark decides, by reading them, and says which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from semscore.jobs.dataset.listing import BadFile, SourceFile
from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import JobError, UserError

LOOKS = 64  # in vain, after which it is not the files
NAMED = 2  # files that a part loses one by one before it is halved
CAUSES = 20  # of one error, nested
LEGAL = r"\w\-.!~'()*/;:@&=+$,"  # in a URL's path, as Java has it; \w: letters of all languages

File = TypeVar("File", bound=SourceFile)
Read = Callable[[Sequence[File]], None]


class NoneReadable(UserError):
    """So many files failed, and none passed, that no more were tried."""


def sift(
    files: Sequence[File], read: Read[File], over: Callable[[], bool] = lambda: False
) -> list[BadFile]:
    """Return the files that cannot be read, in the order in which that was found.

    `read` reads some files whole, or raises what Spark raises. A file whose name is in the error is
    left out, and the rest read again; where no single name is, the halves are read apart. What
    `read` raises goes through when the run is `over`. Raises NoneReadable.
    """
    bad: list[BadFile] = []
    looks, passed = count(1), False

    def part(files: Sequence[File]) -> None:
        nonlocal passed
        named = 0
        while files:
            try:
                read(files)
                passed = True
                return
            except Exception as error:
                if isinstance(error, JobError) or over():
                    raise
                names = blamed(error, files)
                found = [one for one in files if one.url in names]
                if len(found) != 1 and len(files) == 1:
                    found = list(files)
                if len(found) == 1:
                    bad.append(BadFile(found[0].url, f"Spark cannot read it: {root_cause(error)}"))
                    files = [one for one in files if one is not found[0]]
                    named += 1
                if next(looks) >= LOOKS and not passed:
                    raise NoneReadable(_vain(files, bad, error)) from error
                if len(found) == 1 and named < NAMED:
                    continue
                half = len(files) // 2
                part(files[:half])
                files = files[half:]
                named = 0

    part(list(files))
    return bad


def _vain(files: Sequence[SourceFile], bad: Sequence[BadFile], error: Exception) -> str:
    such = bad[0] if bad else BadFile(files[0].url, f"Spark cannot read it: {root_cause(error)}")
    return f"Spark could read none of many files, such as {such.path}: {such.reason}"


def blamed(error: BaseException, files: Sequence[SourceFile]) -> set[str]:
    """Return the URLs of the files that an error of Spark's names, from the outside in."""
    for text in _texts(error):
        if found := named(text, [file.url for file in files]):
            return found
    return set()


def named(text: str, urls: Sequence[str]) -> set[str]:
    """Return those URLs that occur in a text, in any of the ways in which Java writes them.

    With `file:/`, `file:///` or no scheme; as it is or with escapes (`%20`). Pure.
    """
    found = set()
    for url in urls:
        scheme, _, path = url.partition("://")
        spelled = {path, _escaped(path)}
        if not any(one in text for one in spelled):
            continue
        ways = "|".join(map(re.escape, spelled))
        start = rf"{scheme}:(?://)?" if scheme != "file" else r"(?:file:(?://)?|(?<![^\s'\"(\[=]))"
        if re.search(rf"{start}(?:{ways})(?=$|[\s,;:'\")\]]|\.(?:\s|$))", text):
            found.add(url)
    return found


def _escaped(path: str) -> str:
    def escape(found: re.Match[str]) -> str:
        one = found[0]
        if not (one.isascii() or one.isspace()):
            return one
        return "".join(f"%{byte:02X}" for byte in one.encode())

    return re.sub(f"[^{LEGAL}]", escape, path)


def _texts(error: BaseException) -> Iterator[str]:
    """Yield what an error says, and what Java's causes below it say, from the outside in."""
    yield str(error)
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    for _ in range(CAUSES):
        if java is None:
            return
        yield str(java.getMessage())
        java = java.getCause()
