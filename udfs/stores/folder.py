"""A folder of files, wherever it is: what the driver does itself. Data goes through Spark.

Paths are relative to the folder, with `/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

SOME = 1000  # names that are looked at, at most; S3 gives so many at a time


@dataclass(frozen=True)
class Entry:
    """A file as it was listed."""

    path: str
    size: int  # bytes
    tag: str  # changes when the content does


class _Told(OSError):
    """Its message is a sentence for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(None, sentence)

    def __str__(self) -> str:
        return str(self.strerror)


class StorageError(_Told):
    """A storage did not do what it was asked: that says nothing of the files in it."""


class HasChanged(_Told):
    """A file is not what was listed any more."""


class Folder(ABC):
    """A folder; it need not exist yet. All methods raise OSError when the storage fails."""

    name: str  # for people, and for Folder() again
    url: str  # for Spark

    @abstractmethod
    def full(self, path: str) -> str:
        """Where a file of this folder is, for people and for workers."""

    @abstractmethod
    def entries(self, prefix: str = "") -> list[Entry]:
        """All files under `prefix`, at any depth, hidden ones too, sorted by path."""

    @abstractmethod
    def folders(self, path: str) -> list[str]:
        """The names of the folders right in `path`, sorted."""

    @abstractmethod
    def names(self, beginning: str) -> list[str]:
        """Names of files, SOME at most, whose paths begin so, right in that folder."""

    @abstractmethod
    def above(self) -> Iterable[Folder]:
        """The folders that this one lies in, the nearest first."""

    @abstractmethod
    def entry(self, path: str) -> Entry:
        """One file, as `entries` would list it; FileNotFoundError if there is none."""

    @abstractmethod
    def open(self, entry: Entry) -> BinaryIO:
        """A file for reading, with seek."""

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """A whole file; None: there is none."""

    @abstractmethod
    def modified(self, path: str) -> float:
        """When a file was written, by the storage's clock, as time() has it.

        Raises FileNotFoundError if there is none.
        """

    @abstractmethod
    def create_if_absent(self, path: str, content: bytes) -> bool:
        """Write a whole new file; False, and nothing written, if there is one already."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write a whole file in one step, in place of any that is there."""

    @abstractmethod
    def copy(self, source: str, target: str) -> None:
        """Copy a file within the folder in one step, in place of any that is at `target`.

        Raises FileNotFoundError if the source is gone.
        """

    @abstractmethod
    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; those that are gone are no error."""

    @abstractmethod
    def withdraw(self, entry: Entry, home: str) -> None:
        """Delete a file, unless another run has taken over, which shows in one of two ways.

        On a disk: the folder `home` is gone. On S3: the file is not what was listed any more.
        Raises FileNotFoundError then.
        """

    @abstractmethod
    def delete_folder(self, path: str) -> None:
        """Delete all that is under `path`, if there is anything, and end its uploads."""

    def end_uploads(self, path: str) -> None:  # noqa: ARG002 - only S3 has uploads in parts
        """Drop what was uploaded in parts to files under `path` and is not complete."""
        return None

    @abstractmethod
    def require_writable(self) -> None:
        """Raise UserError if files could not be written here; writes nothing."""
