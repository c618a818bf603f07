"""The driver's own files in one folder: list, read, create if absent, copy, delete.

Data itself goes through Spark. Paths are relative to the folder, with `/`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore

from semscore.jobs.errors import UserError


@dataclass(frozen=True)
class Entry:
    """A file as it was listed."""

    path: str
    size: int  # bytes
    tag: str  # changes when the content does


class Folder:
    """A folder on a local disk or a mounted file system; it need not exist yet."""

    def __init__(self, location: str) -> None:
        self.local = local_path(location)
        self.url = f"file://{self.local}"

    def entries(self, prefix: str = "") -> list[Entry]:
        """All files under `prefix`, at any depth, hidden ones too, sorted by path.

        Not by obstore, which passes over broken links and names like `x#1`, and refuses others.
        """
        if not (self.local / prefix).is_dir():
            return []
        found = map(self._entry, _files_below(self.local / prefix, frozenset()))
        return sorted(filter(None, found), key=lambda entry: entry.path)

    def entry(self, path: str) -> Entry:
        """One file, as `entries` would list it; FileNotFoundError if there is none."""
        found = self._entry(self.local / path)
        if found is None:
            raise FileNotFoundError(path)
        return found

    def open(self, path: str) -> BinaryIO:
        """A file for reading, with seek."""
        return (self.local / path).open("rb")

    def read(self, path: str) -> bytes | None:
        """A whole file; None: there is none."""
        try:
            return (self.local / path).read_bytes()
        except FileNotFoundError:
            return None

    def create_if_absent(self, path: str, content: bytes) -> bool:
        """Write a whole new file; False, and nothing written, if there is one already."""
        try:
            self._store().put(path, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        """Write a whole file in one step, in place of any that is there."""
        self._store().put(path, content)

    def copy(self, source: str, target: str) -> None:
        """Copy a file within the folder in one step, in place of any that is at `target`.

        What a crash leaves behind lies beside the source, never where readers look for data. Raises
        FileNotFoundError if the source is gone, or goes meanwhile.
        """
        link = Path(f"{self.local / source}.copy")
        link.unlink(missing_ok=True)
        try:
            self._link(self.local / source, link)
        except OSError:  # a file system without links, or another user's file
            shutil.copyfile(self.local / source, link)
        self._rename(link, self.local / target)
        link.unlink(missing_ok=True)  # still there if the target was a link to the source already

    def copy_if_absent(self, source: str, target: str) -> bool:
        """Copy a file within the folder in one step; False, and nothing done, if `target` exists.

        Raises FileNotFoundError if the source is gone.
        """
        try:
            self._link(self.local / source, self.local / target)
        except FileExistsError:
            return False
        return True

    def move(self, source: str, target: str) -> bool:
        """Move a file to a folder within this one that must be there; False: there is no source.

        Raises FileNotFoundError if the target's folder is gone.
        """
        if (self.local / target).parent.is_dir():
            try:
                (self.local / source).replace(self.local / target)
            except FileNotFoundError:
                if (self.local / target).parent.is_dir():
                    return False
                raise
            self._prune(self.local / source)
            return True
        raise FileNotFoundError(target)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files one after another, and the folders within this one that become empty."""
        for path in paths:
            file = self.local / path
            file.unlink(missing_ok=True)
            self._prune(file)

    def delete_folder(self, path: str) -> None:
        """Delete all that is under `path`, if there is anything, and what gets empty above it."""
        shutil.rmtree(self.local / path, ignore_errors=True)
        self._prune(self.local / path)

    def require_writable(self) -> None:
        """Raise UserError if files could not be written here; writes nothing."""
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
            f"{location} cannot be used: this version reads and writes local paths and mounted "
            f"file systems, not {url[1]}:"
        )
    if url and re.match("file://[^/]", location):
        raise UserError(f"{location} cannot be used: write {location.replace('//', '///', 1)}")
    path = location.removeprefix("file:") if url else location
    try:
        return Path(re.sub("^/+", "/", path)).expanduser().resolve()
    except RuntimeError as error:  # an unknown user's home, or links that go round
        raise UserError(f"{location} cannot be used: {error}") from error
