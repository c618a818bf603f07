"""All kinds of storage, and the folder that a location refers to.

The scheme of a location determines its storage. A location without one of these schemes is on a
disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.hadoop_folder import not_fetched, open_hadoop
from semscore.udfs.stores.local_folder import LocalFolder, local_path
from semscore.udfs.stores.s3_access import open_s3
from semscore.udfs.stores.synced import synced


class Store(NamedTuple):
    """A storage that all hosts can reach."""

    name: str
    open: Callable[[str, Mapping[str, str]], Folder]  # of a location, with Hadoop's settings
    # Fetches the files of a location that have one of these suffixes, in this version (None: the
    # current one), to a local folder whose name is the version. Raises Unsynced.
    fetch: Callable[[str, Sequence[str], str | None], Path]
    most_bytes: int  # limit for the path of a file, folders included
    needs_java: bool = False  # the driver reaches it through Spark's Java
    # It is known that of two processes that create a file only one succeeds. Exactly-once depends
    # on it when two runs start at the same time.
    is_exclusive: bool = True


S3 = Store("S3", open_s3, synced, 1024)
HDFS = Store("HDFS", open_hadoop, not_fetched, 8000, needs_java=True)
# Through Spark's Java, with connectors that must be on its class path. Their renames are not known
# to be exclusive. S3A's are known not to be, so S3 must never be here.
OTHERS = Store("this storage", open_hadoop, not_fetched, 1024, needs_java=True, is_exclusive=False)
REMOTE = {  # by the scheme of a location
    "s3": S3,
    "s3a": S3,
    "hdfs": HDFS,
    "abfss": OTHERS,
    "gs": OTHERS,
}


def is_remote(location: str) -> bool:
    """Return whether a location is on a storage that all hosts can reach, rather than on a disk."""
    scheme, separator, _ = location.partition("://")
    return bool(separator) and scheme in REMOTE


def kind_of(location: str) -> Store:
    """Return the storage of a remote location."""
    return REMOTE[location.partition("://")[0]]


def needs_java(location: str) -> bool:
    """Return whether the driver reaches a location only through Spark's Java."""
    return is_remote(location) and kind_of(location).needs_java


class Found(NamedTuple):
    """What is at a location."""

    folder: Folder
    entries: list[Entry]
    is_file: bool  # then `entries` has this file alone, and `folder` is its parent


class Storage:
    """Access to folders on all kinds of storage.

    `settings` are Hadoop's, which the driver follows too.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = dict(settings or {})
        self._remote = lru_cache(maxsize=None)(self._open)

    def folder(self, location: str) -> Folder:
        """Return the folder at a location. It does not have to exist.

        Raises UserError for an invalid location, StorageError if the storage cannot be reached.
        """
        return self._remote(location) if is_remote(location) else LocalFolder(location)

    def find(self, location: str) -> Found:
        """Return the file or folder at a location, with all files in it.

        Raises FileNotFoundError if there is neither.
        """
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
        if "://" not in above:  # the location is an empty bucket
            raise FileNotFoundError(location)
        parent = self.folder(above)
        return Found(parent, [parent.entry(name)], True)

    def _open(self, location: str) -> Folder:
        return kind_of(location).open(location, self.settings)
