"""A folder on HDFS, or on another file system that Spark's Hadoop can open. For the driver only.

All operations go through the driver's Java. What must happen in one step is a rename, which HDFS
performs atomically, and refuses if the target exists unless it may be replaced.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import SOME, Entry, Folder, StorageError
from semscore.udfs.stores.synced import Unsynced

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTIAL = re.compile(r"\.part-[0-9a-f]{32}")  # a file that is still being written, or was left so
CAUSE = re.compile(r"\A([a-z]\w*\.)+[A-Z][\w$]*: ")
MISSING = ("FileNotFoundException",)
EXISTS = ("FileAlreadyExistsException",)


def open_hadoop(location: str, settings: Mapping[str, str]) -> Folder:
    """Return a folder on a Hadoop file system.

    Raises UserError for an invalid location or scheme, StorageError if the file system cannot be
    reached.
    """
    from py4j.protocol import Py4JJavaError

    try:
        return HadoopFolder(location, _java(settings))
    except Py4JJavaError as error:
        raise UserError(f"{location} cannot be used: {_said(error)}") from error


def not_fetched(location: str, *_: object) -> Path:
    """Raise Unsynced, because workers cannot read from these file systems."""
    raise Unsynced(
        f"{location}: workers cannot read it there. Copy it to a folder that all hosts have, or to "
        "S3"
    )


class Java:
    """The driver's Java, with Hadoop's classes and settings."""

    def __init__(self, gateway: Any, conf: Any) -> None:
        jvm = gateway.jvm
        self.conf = conf
        self.fs: Any = jvm.org.apache.hadoop.fs
        self.io: Any = jvm.org.apache.commons.io.IOUtils
        kinds = self.fs.Options.Rename
        self.keep = gateway.new_array(kinds, 0)  # a rename that refuses an existing target
        self.replace = gateway.new_array(kinds, 1)
        self.replace[0] = kinds.OVERWRITE


def _java(settings: Mapping[str, str]) -> Java:
    """Return the Java of this process's Spark. Starts one if there is none."""
    from pyspark import SparkContext

    context: Any = SparkContext._active_spark_context
    if context is None:
        SparkContext._ensure_initialized()
    gateway: Any = SparkContext._gateway
    hadoop = gateway.jvm.org.apache.hadoop.conf
    inherited = (context._jsc.hadoopConfiguration(),) if context else ()
    conf = hadoop.Configuration(*inherited)
    for key, value in settings.items():
        conf.set(key, value)
    return Java(gateway, conf)


class HadoopFolder(Folder):
    """A folder on a Hadoop file system."""

    reads_at_once = 8

    def __init__(self, location: str, java: Java) -> None:
        self._java = java
        scheme, _, rest = location.partition("://")
        self._scheme = scheme
        self._authority, _, key = rest.partition("/")
        self.key = "/" + "/".join(part for part in key.split("/") if part)
        home = java.fs.Path(scheme, self._authority or None, self.key)
        self._files = home.getFileSystem(java.conf)
        self._authority = self._files.getUri().getAuthority() or ""
        self._context = java.fs.FileContext.getFileContext(self._files.getUri(), java.conf)
        self.url = self.name = f"{scheme}://{self._authority}{self.key}".rstrip("/")

    def full(self, path: str) -> str:
        return f"{self.url}/{path}"

    def entries(self, prefix: str = "") -> list[Entry]:
        try:
            with self._translated_errors(prefix):
                found = self._files.listFiles(self._path(prefix), True)
                listed = [self._entry(status) for status in _each(found)]
        except FileNotFoundError:
            return []
        kept = (entry for entry in listed if not PARTIAL.fullmatch(entry.path.rpartition("/")[2]))
        return sorted(kept, key=lambda entry: entry.path)

    def folders(self, path: str) -> list[str]:
        return sorted(
            str(status.getPath().getName()) for status in self._listed(path) if status.isDirectory()
        )

    def names(self, beginning: str) -> list[str]:
        folder, _, start = beginning.rpartition("/")
        files = (status for status in self._listed(folder) if not status.isDirectory())
        names = (str(status.getPath().getName()) for status in files)
        found = (name for name in names if name.startswith(start) and not PARTIAL.fullmatch(name))
        return list(islice(found, SOME))

    def above(self) -> Iterable[Folder]:
        for parent in PurePosixPath(self.key).parents:
            yield HadoopFolder(f"{self._scheme}://{self._authority}{parent}", self._java)

    def entry(self, path: str) -> Entry:
        with self._translated_errors(path):
            status = self._files.getFileStatus(self._path(path))
            if status.isDirectory():
                raise FileNotFoundError(path)
            return self._entry(status)

    def open(self, entry: Entry) -> BinaryIO:
        with self._translated_errors(entry.path):
            stream = self._files.open(self._path(entry.path))
        return cast("BinaryIO", io.BufferedReader(_Stream(stream, entry, self._java), 2**16))

    def read(self, path: str) -> bytes | None:
        try:
            with self._translated_errors(path):
                stream = self._files.open(self._path(path))
                try:
                    return bytes(self._java.io.toByteArray(stream))
                finally:
                    stream.close()
        except FileNotFoundError:
            return None

    def modified(self, path: str) -> float:
        with self._translated_errors(path):
            status = self._files.getFileStatus(self._path(path))
            return float(status.getModificationTime()) / 1000

    def create_if_absent(self, path: str, content: bytes) -> bool:
        partial = self._written(path, content)
        try:
            with self._translated_errors(path):
                self._context.rename(self._path(partial), self._path(path), self._java.keep)
        except FileExistsError:
            self.delete([partial])
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        self._replace(self._written(path, content), path)

    def copy(self, source: str, target: str) -> None:
        # Beside the source, so that a crash leaves nothing where readers look for data.
        partial = self._partial(source)
        with self._translated_errors(source):
            self._files.mkdirs(self._path(target).getParent())
            here = self._files
            self._java.fs.FileUtil.copy(
                *(here, self._path(source), here, self._path(partial)),
                *(False, True, self._java.conf),
            )
        self._replace(partial, target)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            with self._translated_errors(path):
                self._files.delete(self._path(path), False)
                self._prune(path)

    def withdraw(self, entry: Entry, home: str) -> None:
        target = f"{home}/{PurePosixPath(entry.path).name}"
        with self._translated_errors(entry.path):
            try:
                self._context.rename(self._path(entry.path), self._path(target), self._java.replace)
            except Exception as error:
                if not _is(error, MISSING) or not self._files.exists(self._path(home)):
                    raise
            self._prune(entry.path)

    def delete_folder(self, path: str) -> None:
        with self._translated_errors(path):
            self._files.delete(self._path(path), True)
            self._prune(path)

    def require_writable(self) -> None:
        place = self._path("")
        with self._translated_errors(""):
            while not self._files.exists(place):
                place = place.getParent()
            if not self._files.getFileStatus(place).isDirectory():
                raise UserError(f"OUTPUT {self.name} cannot be written: {place} is a file")
            permission = self._java.fs.permission
            try:
                self._files.access(place, permission.FsAction.WRITE_EXECUTE)
            except Exception as error:
                if not _is(error, ("AccessControlException",)):
                    raise
                raise UserError(
                    f"OUTPUT {self.name} cannot be written: no permission in {place}"
                ) from error

    def _path(self, path: str) -> Any:
        """Return a path for Java. Given in parts, because Java decodes a whole URL."""
        whole = f"{self.key.rstrip('/')}/{path}" if path else self.key
        return self._java.fs.Path(self._scheme, self._authority or None, whole)

    def _relative(self, path: Any) -> str:
        return str(path.toUri().getPath()).removeprefix(self.key).lstrip("/")

    def _entry(self, status: Any) -> Entry:
        tag = str(status.getModificationTime())
        return Entry(self._relative(status.getPath()), int(status.getLen()), tag)

    def _listed(self, path: str) -> list[Any]:
        try:
            with self._translated_errors(path):
                return list(_each(self._files.listStatusIterator(self._path(path))))
        except FileNotFoundError:
            return []

    def _partial(self, path: str) -> str:
        folder, slash, _ = path.rpartition("/")
        return f"{folder}{slash}.part-{uuid.uuid4().hex}"

    def _written(self, path: str, content: bytes) -> str:
        """Write a file under another name, which it returns."""
        partial = self._partial(path)
        with self._translated_errors(path):
            stream = self._files.create(self._path(partial), True)
            try:
                stream.write(bytearray(content))
            finally:
                stream.close()
        return partial

    def _replace(self, partial: str, path: str) -> None:
        with self._translated_errors(path):
            self._context.rename(self._path(partial), self._path(path), self._java.replace)

    def _prune(self, path: str) -> None:
        """Delete the folders above a deleted path that are empty."""
        for folder in PurePosixPath(path).parents:
            if str(folder) == ".":
                return
            place = self._path(str(folder))
            try:
                if list(islice(_each(self._files.listStatusIterator(place)), 1)):
                    return
                self._files.delete(place, False)
            except Exception as error:
                if not _is(error, (*MISSING, "PathIsNotEmptyDirectoryException")):
                    raise

    @contextmanager
    def _translated_errors(self, path: str) -> Iterator[None]:
        """Raise Java's errors as those of Folder."""
        from py4j.protocol import Py4JError

        try:
            yield
        except Py4JError as error:
            if _is(error, MISSING):
                raise FileNotFoundError(path) from error
            if _is(error, EXISTS):
                raise FileExistsError(path) from error
            raise StorageError(f"{self.full(path)}: {_said(error)}") from error


class _Stream(io.RawIOBase):
    """A file that is read through Java."""

    def __init__(self, stream: Any, entry: Entry, java: Java) -> None:
        self._stream, self._size, self._java, self._at = stream, entry.size, java, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        size = max(min(len(buffer), self._size - self._at), 0)
        if size:
            self._stream.seek(self._at)
            buffer[:size] = self._java.io.toByteArray(self._stream, size)
            self._at += size
        return size

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _each(iterator: Any) -> Iterator[Any]:
    """Yield what one of Hadoop's iterators has."""
    while iterator.hasNext():
        yield iterator.next()


def _is(error: BaseException, kinds: Sequence[str]) -> bool:
    """Return whether an error is one of these exceptions of Java."""
    java = getattr(error, "java_exception", None)
    return java is not None and str(java.getClass().getSimpleName()) in kinds


def _said(error: Any) -> str:
    """Return the message of an error of Java in one line, without the class of its cause."""
    java = getattr(error, "java_exception", None)
    if java is None:
        return str(error)
    line = str(java.getMessage() or java.getClass().getName()).strip().splitlines()[0]
    return CAUSE.sub("", line)
