"""All kinds of places, each entered here once: a location, and the folder that it means.

A kind is known by the scheme of its locations; what has none of these is on a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import LocalFolder, local_path
from semscore.udfs.stores.s3_access import open_s3
from semscore.udfs.stores.synced import synced


class Store(NamedTuple):
    """A storage that all hosts reach."""

    open: Callable[[str, Mapping[str, str]], Folder]  # of a location, with Hadoop's settings
    # Files of a location with such endings, of this version if it is given, as a local folder; the
    # folder's name is the version. Raises Unsynced.
    fetch: Callable[[str, Sequence[str], str | None], Path]
    most_bytes: int  # in the name of a file, with all its folders


S3 = Store(open_s3, synced, 1024)
REMOTE = {"s3": S3, "s3a": S3}  # by the scheme of a location


def is_remote(location: str) -> bool:
    """Whether a location is on a storage that all hosts reach, and not on a disk."""
    scheme, separator, _ = location.partition("://")
    return bool(separator) and scheme in REMOTE


def kind_of(location: str) -> Store:
    """The kind of a remote location."""
    return REMOTE[location.partition("://")[0]]


class Found(NamedTuple):
    """What is at a location."""

    folder: Folder
    entries: list[Entry]
    is_file: bool  # then that is the one entry, and `folder` what it lies in


class Storage:
    """Folders of all kinds; `settings`: Hadoop's, which hold for the driver too."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = dict(settings or {})
        self._remote = lru_cache(maxsize=None)(self._open)

    def folder(self, location: str) -> Folder:
        """The folder at a location, which need not exist.

        Raises UserError for a location that cannot be, StorageError if a storage is not reached.
        """
        return self._remote(location) if is_remote(location) else LocalFolder(location)

    def find(self, location: str) -> Found:
        """The file or folder at a location, with all files in it; FileNotFoundError: neither."""
        if is_remote(location):
            return self._find_remote(location)
        path = local_path(location)
        if path.is_file():
            parent = LocalFolder(str(path.parent))
            return Found(parent, [parent.entry(path.name)], True)
        if not path.is_dir():
            raise FileNotFoundError(location)
        folder = LocalFolder(location)
        return Found(folder, folder.entries(), False)

    def _find_remote(self, location: str) -> Found:
        folder = self.folder(location)
        if entries := folder.entries():
            return Found(folder, entries, False)
        above, _, name = folder.url.rpartition("/")
        if "://" not in above:  # a whole bucket, which is empty
            raise FileNotFoundError(location)
        parent = self.folder(above)
        return Found(parent, [parent.entry(name)], True)

    def _open(self, location: str) -> Folder:
        return kind_of(location).open(location, self._settings)
