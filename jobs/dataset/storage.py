"""The driver's own files in one folder: list, read, create if absent, copy, delete.

Data itself goes through Spark. Paths are relative to the folder, with `/`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

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
        """All files under `prefix`, at any depth, hidden ones too, sorted by path."""
        if not (self.local / prefix).is_dir():
            return []
        store = LocalStore(self.local)
        return sorted(
            (
                Entry(item["path"], item["size"], item["e_tag"] or str(item["last_modified"]))
                for part in store.list(prefix or None)
                for item in part
            ),
            key=lambda entry: entry.path,
        )

    def open(self, path: str) -> BinaryIO:
        """A file for reading, with seek."""
        return (self.local / path).open("rb")

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
        """Copy a file within the folder, in place of any that is at `target`."""
        self._store().copy(source, target)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files, and the folders that this leaves empty."""
        paths = list(paths)
        if paths:
            LocalStore(self.local, automatic_cleanup=True).delete(paths)

    def delete_folder(self, path: str) -> None:
        """Delete all that is under `path`, if there is anything."""
        shutil.rmtree(self.local / path, ignore_errors=True)

    def require_writable(self) -> None:
        """Raise UserError if files could not be written here; writes nothing."""
        ancestor = self.local
        while not ancestor.exists():
            ancestor = ancestor.parent
        if not ancestor.is_dir():
            raise UserError(f"OUTPUT {self.local} cannot be written: {ancestor} is a file")
        if not os.access(ancestor, os.W_OK | os.X_OK):
            raise UserError(f"OUTPUT {self.local} cannot be written: no permission in {ancestor}")

    def _store(self) -> LocalStore:
        return LocalStore(self.local, mkdir=True)


def local_path(location: str) -> Path:
    """The absolute path of a bare path or a file:// URL, symbolic links resolved."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).resolve()
    if "://" in location:
        raise UserError(
            f"{location}: {parts.scheme}:// is not supported by this version; "
            "use a local path or a mounted file system"
        )
    return Path(location).expanduser().resolve()
