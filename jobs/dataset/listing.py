"""The files of the input, as they are listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from semscore.jobs.dataset.folder import Entry, Folder
from semscore.jobs.dataset.storage import Storage
from semscore.jobs.errors import UserError, some_of

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


def list_input(given: str, storage: Storage) -> Listing:
    """The files of an input; UserError if there is no such file or folder, or no parquet in it."""
    try:
        folder, entries, is_file = storage.find(given)
    except FileNotFoundError:
        raise UserError(f"INPUT {given}: there is no such file or folder") from None
    except OSError as error:
        raise UserError(f"INPUT {given} cannot be listed: {error}") from error
    if is_file:
        if _is_hidden(entries[0].path):
            raise UserError(
                f"INPUT {given}: Spark reads no file whose name begins with '_' or '.'; rename it"
            )
        return Listing(given, folder, _files(folder, entries), ())
    visible = [entry for entry in entries if not _is_hidden(entry.path)]
    if not visible:
        hidden = f" but for hidden files: {some_of([e.path for e in entries])}" if entries else ""
        raise UserError(f"INPUT {given}: the folder is empty{hidden}")
    parquet, others = [], []
    for entry in visible:
        if PurePosixPath(entry.path).suffix.lower() in PARQUET:
            parquet.append(entry)
        else:
            others.append(entry.path)
    if not parquet:
        raise UserError(f"INPUT {given}: no parquet files in it, only {some_of(others)}")
    return Listing(given, folder, _files(folder, parquet), tuple(map(folder.full, others)))


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


def _is_hidden(path: str) -> bool:
    """Spark's rule: names that start with `_` or `.`, unless they are partitions."""
    return any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in PurePosixPath(path).parts
    )
