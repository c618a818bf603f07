"""The one door to files that the driver handles itself: a location, and the folder it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.local_folder import LocalFolder, local_path
from semscore.udfs.stores.s3 import Access, is_own, is_s3, split

S3A = "fs.s3a."
UNITS_MS = {"": 1, "ms": 1, "s": 1000, "m": 60_000}
ENCRYPTION = {
    "AES256": "AES256",
    "SSE-S3": "AES256",
    "SSE-KMS": "aws:kms",
    "DSSE-KMS": "aws:kms:dsse",
}


class Found(NamedTuple):
    """What is at a location."""

    folder: Folder
    entries: list[Entry]
    is_file: bool  # then that is the one entry, and `folder` what it lies in


class Storage:
    """Folders on disks and on S3; `s3a`: Hadoop's settings for S3A, which hold for this too."""

    def __init__(self, s3a: Mapping[str, str] | None = None) -> None:
        self._s3a = dict(s3a or {})
        self._s3_folder = lru_cache(maxsize=None)(self._new_s3_folder)

    def folder(self, location: str) -> Folder:
        """The folder at a location, which need not exist.

        Raises UserError for a location that is none, StorageError if S3 is not to be reached.
        """
        if not is_s3(location):
            return LocalFolder(location)
        try:
            bucket, key = split(location)
        except ValueError as error:
            raise UserError(f"{location} cannot be used: {error}") from error
        return self._s3_folder(f"s3a://{bucket}/{key}")

    def find(self, location: str) -> Found:
        """The file or folder at a location, with all files in it; FileNotFoundError: neither."""
        if is_s3(location):
            return self._find_on_s3(location)
        path = local_path(location)
        if path.is_file():
            parent = LocalFolder(str(path.parent))
            return Found(parent, [parent.entry(path.name)], True)
        if not path.is_dir():
            raise FileNotFoundError(location)
        folder = LocalFolder(location)
        return Found(folder, folder.entries(), False)

    def _find_on_s3(self, location: str) -> Found:
        folder = self.folder(location)
        if entries := folder.entries():
            return Found(folder, entries, False)
        bucket, key = split(location)
        above, _, name = key.rpartition("/")
        parent = self.folder(f"s3a://{bucket}/{above}")
        if not name:
            raise FileNotFoundError(location)
        return Found(parent, [parent.entry(name)], True)

    def _new_s3_folder(self, location: str) -> Folder:
        from botocore.exceptions import BotoCoreError  # half a second, for those who use it

        from semscore.udfs.stores.s3_folder import S3Folder

        try:
            folder = S3Folder(location, s3_access(split(location)[0], self._s3a))
        except (BotoCoreError, ValueError) as error:  # an endpoint that is no URL, a wrong profile
            raise UserError(f"{location} cannot be used: {error}") from error
        folder.require_reachable()
        return folder


def s3_access(bucket: str, s3a: Mapping[str, str]) -> Access:
    """How S3A would reach a bucket: its own settings (fs.s3a.bucket.NAME.…), then those of all."""

    def get(*names: str) -> str | None:
        for name in names:
            for key in (f"{S3A}bucket.{bucket}.{name}", f"{S3A}{name}"):
                if s3a.get(key):
                    return s3a[key]
        return None

    def on(name: str) -> bool:
        return (get(name) or "").lower() == "true"

    endpoint = get("endpoint")
    if endpoint and "://" not in endpoint:
        secure = (get("connection.ssl.enabled") or "true").lower() == "true"
        endpoint = f"{'https' if secure else 'http'}://{endpoint}"
    own_key, own_token = (
        s3a.get(f"{S3A}bucket.{bucket}.{name}") for name in ("access.key", "session.token")
    )
    encryption = get("encryption.algorithm", "server-side-encryption-algorithm")
    if encryption and encryption not in ENCRYPTION:
        raise UserError(
            f"{S3A}encryption.algorithm {encryption!r} is not supported; there are "
            f"{', '.join(ENCRYPTION)}, and what the bucket does by itself"
        )
    timeout = re.fullmatch(r"(\d+)\s*([a-z]*)", get("connection.timeout") or "60s")
    if timeout is None or timeout[2] not in UNITS_MS:
        raise UserError(f"{S3A}connection.timeout is no time such as 60s")
    return Access(
        endpoint=endpoint,
        region=get("endpoint.region"),
        path_style=on("path.style.access") or (is_own(endpoint) and not get("path.style.access")),
        access_key=get("access.key"),
        secret_key=get("secret.key"),
        session_token=own_token if own_key else get("session.token"),
        timeout_s=int(timeout[1]) * UNITS_MS[timeout[2]] / 1000,
        requester_pays=on("requester.pays.enabled"),
        encryption=ENCRYPTION.get(encryption or ""),
        kms_key=get("encryption.key", "server-side-encryption.key"),
    )
