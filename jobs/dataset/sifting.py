"""Find the files that Spark cannot read, by letting Spark read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from semscore.jobs.dataset.java_urls import escaped
from semscore.jobs.dataset.listing import BadFile, SourceFile
from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import JobError, UserError
from semscore.udfs.stores.folder import StorageError

LOOKS = 64  # failed reads, with no successful one, after which the files are not the cause
NAMED = 2  # files that are set aside one by one before the rest is halved
CAUSES = 20  # nested causes of one error that are followed

File = TypeVar("File", bound=SourceFile)
Read = Callable[[Sequence[File]], None]


class NoneReadable(UserError):
    """So many reads failed, and none succeeded, that no more files were tried."""


def sift(
    files: Sequence[File], read: Read[File], over: Callable[[], bool] = lambda: False
) -> list[BadFile]:
    """Return the files that cannot be read, in the order in which they were found.

    `read` reads some files completely, or raises Spark's error. If the error names exactly one
    file, that file is set aside and the others are read again. Otherwise each half is read
    separately. JobErrors, StorageErrors, and all errors once the run is `over`, are raised. Raises
    NoneReadable.
    """
    bad: list[BadFile] = []
    attempts, passed = count(1), False

    def part(files: Sequence[File]) -> None:
        nonlocal passed
        named = 0
        while files:
            try:
                read(files)
                passed = True
                return
            except Exception as error:
                if isinstance(error, JobError | StorageError) or over():
                    raise
                names = blamed(error, files)
                found = [file for file in files if file.url in names]
                if len(found) != 1 and len(files) == 1:
                    found = list(files)
                if len(found) == 1:
                    bad.append(BadFile(found[0].url, f"Spark cannot read it: {root_cause(error)}"))
                    files = [file for file in files if file is not found[0]]
                    named += 1
                if next(attempts) >= LOOKS and not passed:
                    raise NoneReadable(_none_readable(files, bad, error)) from error
                if len(found) == 1 and named < NAMED:
                    continue
                half = len(files) // 2
                part(files[:half])
                files = files[half:]
                named = 0

    part(list(files))
    return bad


def _none_readable(files: Sequence[SourceFile], bad: Sequence[BadFile], error: Exception) -> str:
    example = bad[0] if bad else BadFile(files[0].url, f"Spark cannot read it: {root_cause(error)}")
    return f"Spark could not read any of many files. For example, {example.path}: {example.reason}"


def blamed(error: BaseException, files: Sequence[SourceFile]) -> set[str]:
    """Return the URLs of the files that an error of Spark names.

    Texts are searched from the outermost error to the innermost, up to the first that names any.
    """
    for text in _texts(error):
        if found := named(text, [file.url for file in files]):
            return found
    return set()


def named(text: str, urls: Sequence[str]) -> set[str]:
    """Return the URLs that occur in a text, in any of the forms in which Java writes them.

    A form may have `file:/`, `file:///` or no scheme, and may have escapes (`%20`). Pure.
    """
    present = set()
    for url in urls:
        scheme, _, path = url.partition("://")
        spellings = {path, escaped(path)}
        if not any(spelling in text for spelling in spellings):
            continue
        forms = "|".join(map(re.escape, spellings))
        start = rf"{scheme}:(?://)?" if scheme != "file" else r"(?:file:(?://)?|(?<![^\s'\"(\[=]))"
        if re.search(rf"{start}(?:{forms})(?=$|[\s,;:'\")\]]|\.(?:\s|$))", text):
            present.add(url)
    return present


def _texts(error: BaseException) -> Iterator[str]:
    """Yield the texts of an error and of the Java causes below it, outermost first."""
    yield str(error)
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    for _ in range(CAUSES):
        if java is None:
            return
        yield str(java.getMessage())
        java = java.getCause()
