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
    """Links are followed; names may be whatever the file system allows."""

    def __init__(self, location: str) -> None:
        self.local = local_path(location)
        self.name = str(self.local)
        self.url = f"file://{self.local}"

    def full(self, path: str) -> str:
        return str(self.local / path)

    # Not by obstore, which passes over broken links and names like `x#1`, and refuses others.
    def entries(self, prefix: str = "") -> list[Entry]:
        if not (self.local / prefix).is_dir():
            return []
        found = map(self._entry, _files_below(self.local / prefix, frozenset()))
        return sorted(filter(None, found), key=lambda entry: entry.path)

    def folders(self, path: str) -> list[str]:
        try:
            return sorted(found.name for found in (self.local / path).iterdir() if found.is_dir())
        except FileNotFoundError:
            return []

    def names(self, beginning: str) -> list[str]:
        folder, _, start = beginning.rpartition("/")
        try:
            with os.scandir(self.local / folder) as found:
                named = (item for item in found if item.name.startswith(start))
                return [item.name for item in islice(named, SOME) if not item.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def above(self) -> Iterable[Folder]:
        return [LocalFolder(str(folder)) for folder in self.local.parents]

    def entry(self, path: str) -> Entry:
        found = self._entry(self.local / path)
        if found is None:
            raise FileNotFoundError(path)
        return found

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
        # What a crash leaves behind lies beside the source, never where readers look for data.
        link = Path(f"{self.local / source}.copy")
        link.unlink(missing_ok=True)
        try:
            self._link(self.local / source, link)
        except OSError:  # a file system without links, or another user's file
            shutil.copyfile(self.local / source, link)
        self._rename(link, self.local / target)
        link.unlink(missing_ok=True)  # still there if the target was a link to the source already

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

    def _entry(self, file: Path) -> Entry | None:
        try:
            found = file.stat()
        except FileNotFoundError:
            try:
                found = file.lstat()  # a broken link is a file that cannot be read
            except FileNotFoundError:
                return None  # it was there when the folder was listed
        return Entry(file.relative_to(self.local).as_posix(), found.st_size, str(found.st_mtime_ns))


@contextmanager
def as_it_was(folder: Folder) -> Iterator[None]:
    """Remove the folders on a disk that come into being meanwhile, unless they hold anything."""
    missing = []
    if isinstance(folder, LocalFolder):
        above = (folder.local, *folder.local.parents)
        missing = [place for place in above if not place.exists()]
    try:
        yield
    finally:
        for place in missing:
            with suppress(OSError):  # not made, or not empty
                place.rmdir()


def _unless_denied(_: object, path: str, error: Any) -> None:
    """What is gone already, or comes meanwhile, is no error; what cannot be deleted is."""
    if isinstance(error[1], PermissionError):
        raise StorageError(f"{path} cannot be deleted: no permission") from error[1]


def _files_below(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    """The files in a folder and its subfolders, through links; OSError if a link goes round."""
    try:
        found = folder.stat()
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return  # it was there when the folder above was listed
    this = (found.st_dev, found.st_ino)
    if this in above:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
    for path in paths:
        if path.is_dir():
            yield from _files_below(path, above | {this})
        else:
            yield path


def local_path(location: str) -> Path:
    """The absolute path of a bare path or a file: URL, symbolic links resolved.

    A URL's path is taken as it stands, as Spark does: `%20` is no space.
    """
    url = re.match("([A-Za-z][A-Za-z0-9+.-]*):(//|/)", location)
    if url and url[1] != "file":
        raise UserError(
            f"{location} cannot be used: this version reads and writes local paths, mounted file "
            f"systems and S3, not {url[1]}:"
        )
    if url and re.match("file://[^/]", location):
        raise UserError(f"{location} cannot be used: write {location.replace('//', '///', 1)}")
    path = location.removeprefix("file:") if url else location
    try:
        found = Path(re.sub("^/+", "/", path)).expanduser().resolve()
    except RuntimeError as error:  # an unknown user's home, or links that go round
        raise UserError(f"{location} cannot be used: {error}") from error
    if not is_utf8(str(found)):
        raise UserError(
            f"{printable(str(found))} cannot be used: its name is not valid UTF-8; rename it"
        )
    return found
