"""A folder on S3, or on a server with the same API."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from itertools import islice
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import HTTPError

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import SOME, Entry, Folder, HasChanged, StorageError
from semscore.udfs.stores.s3 import (
    ATTEMPTS,
    ATTEMPTS_AT_FIRST,
    Access,
    error_code,
    s3_client,
    split,
    told,
)

GONE = ("404", "NoSuchKey")
EXISTS = ("412", "PreconditionFailed", "ConditionalRequestConflict")
TOO_LARGE = ("EntityTooLarge", "InvalidRequest")  # more than 5 GB cannot be copied in one request
AT_A_TIME = 1000  # most keys in one deletion request

log = logging.getLogger("semscore")


class S3Folder(Folder):
    """A folder on S3. Each operation is one request, which S3 performs completely or not at all.

    botocore repeats a request whose response was lost. Repeating one does no harm.
    """

    reads_at_once = 16

    def __init__(self, location: str, access: Access) -> None:
        self.bucket, self.key = split(location)
        self.url = self.name = f"s3a://{self.bucket}/{self.key}".rstrip("/")
        self._access, self._client = access, s3_client(access)

    def require_reachable(self) -> None:
        """Raise StorageError within seconds if endpoint, credentials or bucket are wrong."""
        client = s3_client(self._access, ATTEMPTS_AT_FIRST)
        with self._translated_errors():
            client.list_objects_v2(
                Bucket=self.bucket, Prefix=self._key(""), MaxKeys=1, **self._access.request
            )

    def full(self, path: str) -> str:
        return f"{self.url}/{path}"

    def entries(self, prefix: str = "") -> list[Entry]:
        return [entry for entry in self._listed(prefix) if not _is_marker(entry.path)]

    def folders(self, path: str) -> list[str]:
        home = f"{self._key(path)}/"
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=home, Delimiter="/", **self._access.request
        )
        with self._translated_errors(path):
            prefixes = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
        return sorted(prefix[len(home) : -1] for prefix in prefixes)

    def names(self, beginning: str) -> list[str]:
        start = self._key(beginning)
        with self._translated_errors(beginning):
            answer = self._client.list_objects_v2(
                Bucket=self.bucket,
                Prefix=start,
                Delimiter="/",
                MaxKeys=SOME,
                **self._access.request,
            )
        names = (item["Key"].rpartition("/")[2] for item in answer.get("Contents", ()))
        return [name for name in names if name]

    def above(self) -> Iterable[Folder]:
        parts = self.key.split("/") if self.key else []
        for k in range(len(parts) - 1, -1, -1):
            folder = copy(self)  # shares the client
            folder.key = "/".join(parts[:k])
            folder.url = folder.name = f"s3a://{self.bucket}/{folder.key}".rstrip("/")
            yield folder

    def entry(self, path: str) -> Entry:
        with self._translated_errors(path):
            head = self._client.head_object(**self._object(path), **self._access.request)
        return Entry(path, head["ContentLength"], head["ETag"].strip('"'))

    def open(self, entry: Entry) -> BinaryIO:
        return cast("BinaryIO", _Ranges(self, entry))

    def read(self, path: str) -> bytes | None:
        try:
            return self._get(path)
        except FileNotFoundError:
            return None

    def read_range(self, entry: Entry, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` (exclusive) of a file.

        Raises FileExistsError if the file has changed since it was listed.
        """
        return self._get(entry.path, Range=f"bytes={start}-{end - 1}", IfMatch=f'"{entry.tag}"')

    def modified(self, path: str) -> float:
        with self._translated_errors(path):
            head = self._client.head_object(**self._object(path), **self._access.request)
        return float(head["LastModified"].timestamp())

    def create_if_absent(self, path: str, content: bytes) -> bool:
        try:
            self._put(path, content, IfNoneMatch="*")
        except FileExistsError:
            return self.read(path) == content  # then we wrote it, and the response was lost
        return True

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content)

    def copy(self, source: str, target: str) -> None:
        origin = {"Bucket": self.bucket, "Key": self._key(source)}
        try:
            with self._translated_errors(source):
                self._client.copy_object(
                    **self._object(target), CopySource=origin, **self._access.writing
                )
        except StorageError as error:
            if error_code(error.__cause__) not in TOO_LARGE:
                raise
            with self._translated_errors(source):
                self._client.copy(
                    origin, self.bucket, self._key(target), ExtraArgs=self._access.writing
                )

    def delete(self, paths: Iterable[str]) -> None:
        keys = ({"Key": self._key(path)} for path in paths)
        while chunk := list(islice(keys, AT_A_TIME)):
            with self._translated_errors():
                answer = self._client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": chunk, "Quiet": True},
                    **self._access.request,
                )
            for error in answer.get("Errors", ()):
                raise StorageError(
                    f"s3a://{self.bucket}/{error['Key']} could not be deleted: {error['Code']}"
                )

    def withdraw(self, entry: Entry, home: str) -> None:  # noqa: ARG002 - used on disks only
        with self._translated_errors(entry.path):
            try:
                self._client.delete_object(
                    **self._object(entry.path),
                    **self._access.request,
                    IfMatch=f'"{entry.tag}"',
                )
            except ClientError as error:
                if error_code(error) in GONE:
                    return
                if error_code(error) not in EXISTS:
                    raise
                if self.read(entry.path) is not None:
                    raise FileNotFoundError(entry.path) from error

    def delete_folder(self, path: str) -> None:
        self.delete(entry.path for entry in self._listed(path))
        self.end_uploads(path)

    def end_uploads(self, path: str) -> None:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=f"{self._key(path)}/", **self._access.request
        )
        # Uploads that remain cost a little until a rule of the bucket cancels them.
        with self._failing_quietly():
            for upload in (upload for page in pages for upload in page.get("Uploads", ())):
                place = {name: upload[name] for name in ("Key", "UploadId")}
                with self._failing_quietly():
                    self._client.abort_multipart_upload(
                        Bucket=self.bucket, **place, **self._access.request
                    )

    def require_writable(self) -> None:
        """Start a multipart upload and cancel it; raise UserError if that fails."""
        place = self._object("_semscore/staging/probe")
        try:
            with self._translated_errors():
                begun = self._client.create_multipart_upload(**place, **self._access.writing)
                self._client.abort_multipart_upload(
                    **place, UploadId=begun["UploadId"], **self._access.request
                )
        except OSError as error:
            raise UserError(f"OUTPUT {self.url} cannot be written: {error}") from error

    def _listed(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects under a prefix, by path.

        Includes the empty objects that stand for folders, whose names end with `/`.
        """
        key = self._key(prefix)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{key}/" if key else "", **self._access.request
        )
        skipped = len(self.key) + 1 if self.key else 0
        entries = []
        with self._translated_errors(prefix):
            for page in pages:
                for item in page.get("Contents", ()):
                    tag = item["ETag"].strip('"')
                    entries.append(Entry(item["Key"][skipped:], item["Size"], tag))
        yield from sorted(entries, key=lambda entry: entry.path)

    def _get(self, path: str, **conditions: str) -> bytes:
        """Return the content of an object.

        Retries a download that breaks off. botocore retries only requests.
        """

        def get() -> bytes:
            try:
                answer = self._client.get_object(
                    **self._object(path), **self._access.request, **conditions
                )
            except HTTPError as error:  # raised while an error response was read
                raise _BrokenOff from error
            try:
                return bytes(answer["Body"].read())
            except (BotoCoreError, HTTPError) as error:
                raise _BrokenOff from error

        again = Retrying(
            retry=retry_if_exception_type(_BrokenOff),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(max=20),
            reraise=True,
        )
        with self._translated_errors(path):
            return again(get)

    def _put(self, path: str, content: bytes, **condition: str) -> None:
        with self._translated_errors(path):
            self._client.put_object(
                **self._object(path), Body=content, **self._access.writing, **condition
            )

    def _object(self, path: str) -> Mapping[str, str]:
        return {"Bucket": self.bucket, "Key": self._key(path)}

    def _key(self, path: str) -> str:
        return "/".join(filter(None, (self.key, path)))

    @contextmanager
    def _failing_quietly(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError):
            log.debug("an incomplete upload could not be cancelled", exc_info=True)

    @contextmanager
    def _translated_errors(self, path: str = "") -> Iterator[None]:
        """Translate S3's errors: FileNotFoundError, FileExistsError, otherwise StorageError."""
        try:
            yield
        except ClientError as error:
            code = error_code(error)
            if code in GONE:
                raise FileNotFoundError(self.full(path)) from error
            if code in EXISTS:
                raise FileExistsError(self.full(path)) from error
            raise StorageError(told(error, self.full(path).rstrip("/"))) from error
        except _BrokenOff as error:
            cause = error.__cause__ or error
            raise StorageError(f"{self.full(path)}: {' '.join(str(cause).split())}") from cause
        except BotoCoreError as error:
            raise StorageError(told(error, self.full(path).rstrip("/"))) from error


def _is_marker(path: str) -> bool:
    """Return whether an object only marks a folder, as S3's console and old Hadoop versions do."""
    return not path or path.endswith(("/", "_$folder$"))


class _BrokenOff(Exception):
    """A response ended early. The cause says how."""


class _Ranges(io.RawIOBase):
    """A file on S3 for reading. Fetches only the ranges that are read, such as a footer."""

    def __init__(self, folder: S3Folder, entry: Entry) -> None:
        super().__init__()
        self._folder, self._entry, self._place = folder, entry, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._entry.size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        end = min(self._place + len(buffer), self._entry.size)
        if end <= self._place:
            return 0
        try:
            piece = self._folder.read_range(self._entry, self._place, end)
        except FileExistsError:
            place = self._folder.full(self._entry.path)
            raise HasChanged(f"{place} has changed since it was listed") from None
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
