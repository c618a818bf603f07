"""List the files of INPUT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from semscore.jobs.dataset.blocks import RowGroups
from semscore.jobs.dataset.other_formats import ELSEWHERE, other_format
from semscore.jobs.table_logs.plain_files import files_that_count
from semscore.jobs.table_logs.snapshot import NONE, Positions, count_between
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import is_hidden, is_utf8, printable
from semscore.udfs.stores.registry import Storage

NOT_TEXT = "its name is not valid UTF-8"
PARQUET = (".parquet", ".parq", ".pq", "")  # some engines write files without an extension
THREADS = 16  # that check whether files have changed


@dataclass(frozen=True)
class SourceFile:
    """One input file."""

    root: str  # URL of the folder under which its partition folders start
    path: str  # relative to root
    size: int  # bytes
    tag: str
    # Of a file of a table, changes if other rows of it are deleted; empty: none is.
    deletes: str = field(default="", kw_only=True)

    @property
    def url(self) -> str:
        """Return the URL of the file."""
        return f"{self.root}/{self.path}"

    @property
    def entry(self) -> Entry:
        """Return the file as the folder at its root lists it."""
        return Entry(self.path, self.size, self.tag)


@dataclass(frozen=True)
class Part:
    """Some rows of a file: whole row groups, or neighbouring pieces of one row group."""

    start: int
    stop: int
    groups: RowGroups = field(compare=False, repr=False)  # of the whole file


@dataclass(frozen=True)
class CountedFile(SourceFile):
    """One input file whose footer was read, or a part of it."""

    rows: int
    row_groups: int
    part: Part | None = None  # None: the whole file
    # The rows of the whole file that a table has deleted.
    deleted: Positions = field(
        default_factory=lambda: NONE, compare=False, repr=False, kw_only=True
    )

    @property
    def live_rows(self) -> int:
        """Return the number of rows that a table has not deleted."""
        start, stop = (self.part.start, self.part.stop) if self.part else (0, self.rows)
        return self.rows - count_between(self.deleted, start, stop)


@dataclass(frozen=True)
class BadFile:
    """A file that was set aside, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The files of one input."""

    given: str  # as the user wrote it
    folder: Folder
    files: tuple[SourceFile, ...]  # those that may be parquet, sorted by path; at least one
    ignored: tuple[str, ...]  # files without a parquet extension
    bad: tuple[BadFile, ...]  # files that Spark cannot open because of their names


def list_input(given: str, storage: Storage, skip_bad_files: bool = False) -> Listing:
    """List the files of an input that count.

    Raises UserError if the input does not exist or contains no parquet files, if it is a table
    whose log decides which files count, or if Spark cannot open a file because of its name (unless
    such files are skipped).
    """
    try:
        folder, entries, is_file = storage.find(given)
    except FileNotFoundError:
        raise UserError(f"INPUT {given}: there is no such file or folder") from None
    except OSError as error:
        raise UserError(f"INPUT {given} cannot be listed: {error}") from error
    entries = list(files_that_count(given, folder, entries, is_file))
    if is_file:
        if is_hidden(entries[0].path):
            raise UserError(
                f"INPUT {given}: Spark ignores files whose names begin with '_' or '.'. Rename it"
            )
        return Listing(given, folder, _files(folder, entries), (), ())
    visible = [entry for entry in entries if not is_hidden(entry.path)]
    if not visible:
        names = some_of([entry.path for entry in entries])
        hidden = f" except for hidden files: {names}" if entries else ""
        raise UserError(f"INPUT {given}: the folder is empty{hidden}")
    parquet: list[Entry] = []
    others: list[str] = []
    bad: list[BadFile] = []
    for entry in visible:
        if PurePosixPath(entry.path).suffix.lower() not in PARQUET:
            others.append(printable(entry.path))
        elif is_utf8(entry.path):
            parquet.append(entry)
        elif skip_bad_files:
            bad.append(BadFile(printable(folder.full(entry.path)), NOT_TEXT))
        else:
            raise UserError(
                f"{printable(folder.full(entry.path))} cannot be read by Spark: {NOT_TEXT}. Rename "
                "it, or set such files aside with --bad-files skip"
            )
    if not parquet:
        if bad:
            raise UserError(
                f"INPUT {given}: Spark cannot read any of its files. For example, {bad[0].path}: "
                f"{NOT_TEXT}"
            )
        known = any(map(other_format, others))
        convert = f". Convert them to parquet first: {ELSEWHERE}" if known else ""
        raise UserError(f"INPUT {given} contains no parquet files, only {some_of(others)}{convert}")
    ignored = tuple(map(folder.full, others))
    return Listing(given, folder, _files(folder, parquet), ignored, tuple(bad))


def each_once(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return each file once, sorted by root and path.

    A file that two inputs contain belongs to the outer one.
    """
    once: dict[str, SourceFile] = {}
    for file in sorted(files, key=lambda file: (file.root, file.path)):
        once.setdefault(file.url, file)
    return tuple(once.values())


def changed(files: Sequence[SourceFile], storage: Storage) -> list[BadFile]:
    """Return the files that changed, or were deleted, after they were listed.

    Raises StorageError if S3 cannot be reached.
    """

    def look(file: SourceFile) -> BadFile | None:
        try:
            now = storage.folder(file.root).entry(file.path)
        except FileNotFoundError:
            return BadFile(file.url, "it was deleted after it was listed")
        same = (now.size, now.tag) == (file.size, file.tag)
        return None if same else BadFile(file.url, "it has changed since it was listed")

    with ThreadPoolExecutor(THREADS) as pool:
        return list(filter(None, pool.map(look, files)))


def _files(folder: Folder, entries: Iterable[Entry]) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(folder.url, entry.path, entry.size, entry.tag) for entry in entries)
