"""The interface to a folder of files on any storage, for what the driver does itself.

Data goes through Spark. Paths are relative to the folder and use `/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

SOME = 1000  # most names that are looked at; S3 lists as many at a time


@dataclass(frozen=True)
class Entry:
    """A file as it was listed."""

    path: str
    size: int  # bytes
    tag: str  # changes when the content does


class _PlainOSError(OSError):
    """An OSError whose message is a sentence for users."""

    def __init__(self, sentence: str) -> None:
        super().__init__(None, sentence)

    def __str__(self) -> str:
        return str(self.strerror)


class StorageError(_PlainOSError):
    """An operation of the storage failed, for a reason that does not lie in the files."""


class HasChanged(_PlainOSError):
    """A file has changed since it was listed."""


class Folder(ABC):
    """A folder, which may not exist yet. All methods raise OSError if the storage fails."""

    name: str  # for users; Storage.folder() accepts it too
    url: str  # for Spark
    reads_at_once = 1  # small files; more only where each takes long

    @abstractmethod
    def full(self, path: str) -> str:
        """Return the full location of a file in this folder, for users and for workers."""

    @abstractmethod
    def entries(self, prefix: str = "") -> list[Entry]:
        """Return all files under `prefix`, at any depth, hidden ones included, sorted by path."""

    def paths(self) -> list[str]:
        """Return the paths of all files, sorted."""
        return [entry.path for entry in self.entries()]

    @abstractmethod
    def folders(self, path: str) -> list[str]:
        """Return the names of the folders directly in `path`, sorted."""

    @abstractmethod
    def names(self, beginning: str) -> list[str]:
        """Return the names of the files whose paths start with `beginning`, up to SOME of them.

        Files in subfolders are left out.
        """

    @abstractmethod
    def above(self) -> Iterable[Folder]:
        """Return the parent folders, the nearest first."""

    @abstractmethod
    def entry(self, path: str) -> Entry:
        """Return one file as `entries` would list it. Raises FileNotFoundError if it is missing."""

    @abstractmethod
    def open(self, entry: Entry) -> BinaryIO:
        """Open a file for reading, with seek."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""

    @abstractmethod
    def modified(self, path: str) -> float:
        """Return when a file was written by the storage's clock, in seconds since the epoch.

        Raises FileNotFoundError if it does not exist.
        """

    @abstractmethod
    def create_if_absent(self, path: str, content: bytes) -> bool:
        """Write a new file in one step. Returns False and writes nothing if it exists already."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step, replacing an existing one."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None:
        """Copy a file within the folder in one step, replacing an existing `target`.

        Raises FileNotFoundError if the source does not exist.
        """

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Delete files, ignoring those that do not exist."""

    @abstractmethod
    def withdraw(self, entry: Entry, home: str) -> None:
        """Delete a file, unless another run has taken over.

        On a disk, another run has taken over if the folder `home` is gone. On S3, it has if the
        file has changed since it was listed. Raises FileNotFoundError in both cases.
        """

    @abstractmethod
    def delete_folder(self, path: str) -> None:
        """Delete everything under `path`, if there is anything, and cancel its uploads."""

    def end_uploads(self, path: str) -> None:  # noqa: ARG002 - only S3 has uploads in parts
        """Cancel incomplete multipart uploads to files under `path`."""
        return None

    @abstractmethod
    def require_writable(self) -> None:
        """Raise UserError if files cannot be written here. Writes nothing."""
