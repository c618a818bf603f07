"""A folder on a local disk or a mounted file system."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import SOME, Entry, Folder, StorageError
from semscore.udfs.stores.names import is_utf8, printable


class LocalFolder(Folder):
    """A folder on a disk. Follows links, and accepts every name that the file system allows."""

    def __init__(self, location: str) -> None:
        self.local = local_path(location)
        self.name = str(self.local)
        self.url = f"file://{self.local}"

    def full(self, path: str) -> str:
        return str(self.local / path)

    # obstore skips broken links and names like `x#1`, and fails on some other names.
    def entries(self, prefix: str = "") -> list[Entry]:
        if not (self.local / prefix).is_dir():
            return []
        start = f"{prefix}/" if prefix else ""
        files = _files_below(str(self.local / prefix), start, frozenset())
        entries = (_entry(path, file) for path, file in files)
        return sorted(filter(None, entries), key=lambda entry: entry.path)

    def paths(self) -> list[str]:
        return sorted(path for path, _ in _files_below(str(self.local), "", frozenset()))

    def folders(self, path: str) -> list[str]:
        try:
            return sorted(child.name for child in (self.local / path).iterdir() if child.is_dir())
        except FileNotFoundError:
            return []

    def names(self, beginning: str) -> list[str]:
        folder, _, start = beginning.rpartition("/")
        try:
            with os.scandir(self.local / folder) as items:
                named = (item for item in items if item.name.startswith(start))
                return [item.name for item in islice(named, SOME) if not item.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def above(self) -> Iterable[Folder]:
        return [LocalFolder(str(folder)) for folder in self.local.parents]

    def entry(self, path: str) -> Entry:
        entry = _entry(path, self.local / path)
        if entry is None:
            raise FileNotFoundError(path)
        return entry

    def open(self, entry: Entry) -> BinaryIO:
        return (self.local / entry.path).open("rb")

    def read(self, path: str) -> bytes | None:
        try:
            return (self.local / path).read_bytes()
        except FileNotFoundError:
            return None

    def modified(self, path: str) -> float:
        return (self.local / path).stat().st_mtime

    def create_if_absent(self, path: str, content: bytes) -> bool:
        try:
            self._store().put(path, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        self._store().put(path, content)

    def copy(self, source: str, target: str) -> None:
        # The link is beside the source, so that a crash leaves nothing where readers look for data.
        link = Path(f"{self.local / source}.copy")
        link.unlink(missing_ok=True)
        try:
            self._link(self.local / source, link)
        except OSError:  # a file system without hard links, or another user's file
            shutil.copyfile(self.local / source, link)
        self._rename(link, self.local / target)
        link.unlink(missing_ok=True)  # it remains if the target was already linked to the source

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            file = self.local / path
            file.unlink(missing_ok=True)
            self._prune(file)

    def withdraw(self, entry: Entry, home: str) -> None:
        target = self.local / home / Path(entry.path).name
        try:
            (self.local / entry.path).replace(target)
        except FileNotFoundError:
            if not target.parent.is_dir():
                raise
        self._prune(self.local / entry.path)

    def delete_folder(self, path: str) -> None:
        shutil.rmtree(self.local / path, onerror=_unless_denied)
        self._prune(self.local / path)

    def require_writable(self) -> None:
        ancestor = self.local
        while not ancestor.exists():
            ancestor = ancestor.parent
        if not ancestor.is_dir():
            raise UserError(f"OUTPUT {self.local} cannot be written: {ancestor} is a file")
        if not os.access(ancestor, os.W_OK | os.X_OK):
            raise UserError(f"OUTPUT {self.local} cannot be written: no permission in {ancestor}")

    def _link(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(source)

    def _rename(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)

    def _prune(self, deleted: Path) -> None:
        for folder in deleted.parents:
            if folder == self.local:
                return
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone
                if folder.exists():
                    return

    def _store(self) -> LocalStore:
        return LocalStore(self.local, mkdir=True)


@contextmanager
def as_it_was(folder: Folder) -> Iterator[None]:
    """On exit, remove the empty folders on a disk that were created inside the `with` block.

    This concerns the folder itself and the folders above it.
    """
    missing = []
    if isinstance(folder, LocalFolder):
        above = (folder.local, *folder.local.parents)
        missing = [place for place in above if not place.exists()]
    try:
        yield
    finally:
        for place in missing:
            with suppress(OSError):  # not created, or not empty
                place.rmdir()


def _unless_denied(_: object, path: str, error: Any) -> None:
    """Raise StorageError if a permission is missing.

    Ignores other errors: files that are already gone, or that were added in the meantime.
    """
    if isinstance(error[1], PermissionError):
        raise StorageError(f"{path} cannot be deleted: no permission") from error[1]


def _files_below(
    folder: str, path: str, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the files in a folder and its subfolders, following links, with their paths.

    `path`: of the folder, with a slash at its end. `above` identifies the folders on the way to it.
    Raises OSError if a link leads back to one. There may be 100,000s of files, for which pathlib
    would take minutes.
    """
    try:
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as listed:
            items = list(listed)
    except FileNotFoundError:
        return  # it was deleted after its parent was listed
    this = (status.st_dev, status.st_ino)
    if this in above:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder)
    for item in items:
        if item.is_dir(follow_symlinks=False) or (item.is_symlink() and Path(item.path).is_dir()):
            yield from _files_below(item.path, f"{path}{item.name}/", above | {this})
        else:
            yield path + item.name, item


def _entry(path: str, file: Path | os.DirEntry[str]) -> Entry | None:
    """Return a file, or None if it does not exist any more."""
    try:
        status = file.stat()
    except FileNotFoundError:
        try:
            status = file.stat(follow_symlinks=False)  # a broken link cannot be read
        except FileNotFoundError:
            return None
    return Entry(path, status.st_size, str(status.st_mtime_ns))


def local_path(location: str) -> Path:
    """Return the absolute path of a bare path or a file: URL, with symbolic links resolved.

    The path of a URL is not decoded (`%20` is not a space), as in Spark. Raises UserError for other
    URLs, for paths that cannot be resolved, and for names that are not UTF-8.
    """
    url = re.match("([A-Za-z][A-Za-z0-9+.-]*):(//|/)", location)
    if url and url[1] != "file":
        raise UserError(
            f"{location} cannot be used: this version supports local paths, mounted file systems, "
            f"S3 and HDFS, not {url[1]}:"
        )
    if url and re.match("file://[^/]", location):
        raise UserError(f"{location} cannot be used: write {location.replace('//', '///', 1)}")
    path = location.removeprefix("file:") if url else location
    try:
        resolved = Path(re.sub("^/+", "/", path)).expanduser().resolve()
    except RuntimeError as error:  # an unknown user's home, or a loop of links
        raise UserError(f"{location} cannot be used: {error}") from error
    if not is_utf8(str(resolved)):
        raise UserError(
            f"{printable(str(resolved))} cannot be used: its name is not valid UTF-8; rename it"
        )
    return resolved
