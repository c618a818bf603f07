"""The files of the input, as they are listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from semscore.jobs.dataset.tables import files_that_count
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import is_hidden, is_utf8, printable
from semscore.udfs.stores.registry import Storage

NOT_TEXT = "its name is not valid UTF-8"
PARQUET = (".parquet", ".parq", ".pq", "")  # some engines write files without an ending
THREADS = 16  # that look at files once more


@dataclass(frozen=True)
class SourceFile:
    """One input file."""

    root: str  # URL of the folder under which its partition folders start
    path: str  # relative to root
    size: int  # bytes
    tag: str

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self.root}/{self.path}"

    @property
    def entry(self) -> Entry:
        """The file as its root's folder lists it."""
        return Entry(self.path, self.size, self.tag)


@dataclass(frozen=True)
class CountedFile(SourceFile):
    """One input file whose footer was read."""

    rows: int
    row_groups: int


@dataclass(frozen=True)
class BadFile:
    """A file set aside, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What one input is."""

    given: str
    folder: Folder
    files: tuple[SourceFile, ...]  # those that may be parquet, by path; never none
    ignored: tuple[str, ...]  # files that do not end like parquet
    bad: tuple[BadFile, ...]  # those that Spark cannot have, by their names


def list_input(given: str, storage: Storage, skip_bad_files: bool = False) -> Listing:
    """The files of an input that count.

    Raises UserError if there is no such file or folder, or no parquet in it, if it is a table whose
    log decides which files count, or if Spark cannot have a file's name (unless these are skipped).
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
                f"INPUT {given}: Spark reads no file whose name begins with '_' or '.'; rename it"
            )
        return Listing(given, folder, _files(folder, entries), (), ())
    visible = [entry for entry in entries if not is_hidden(entry.path)]
    if not visible:
        hidden = f" but for hidden files: {some_of([e.path for e in entries])}" if entries else ""
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
                f"INPUT {given}: Spark can read none of its files, such as {bad[0].path}: "
                f"{NOT_TEXT}"
            )
        raise UserError(f"INPUT {given}: no parquet files in it, only {some_of(others)}")
    ignored = tuple(map(folder.full, others))
    return Listing(given, folder, _files(folder, parquet), ignored, tuple(bad))


def each_once(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Sorted by root and path; a file that two inputs hold belongs to the outer one."""
    once: dict[str, SourceFile] = {}
    for file in sorted(files, key=lambda file: (file.root, file.path)):
        once.setdefault(file.url, file)
    return tuple(once.values())


def changed(files: Sequence[SourceFile], storage: Storage) -> list[BadFile]:
    """Those files that are not what was listed any more; StorageError if S3 cannot be reached."""

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
