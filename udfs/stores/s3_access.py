"""How S3 is reached, from Hadoop's settings for S3A, so that Spark and Python go the same way."""

from __future__ import annotations

import re
from collections.abc import Mapping

from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.s3 import Access, is_own, split

S3A = "fs.s3a."
UNITS_MS = {"": 1, "ms": 1, "s": 1000, "m": 60_000}
ENCRYPTION = {
    "AES256": "AES256",
    "SSE-S3": "AES256",
    "SSE-KMS": "aws:kms",
    "DSSE-KMS": "aws:kms:dsse",
}


def open_s3(location: str, s3a: Mapping[str, str]) -> Folder:
    """A folder on S3; UserError for what cannot be one, StorageError if S3 is not reached."""
    from botocore.exceptions import BotoCoreError  # half a second, for those who use it

    from semscore.udfs.stores.s3_folder import S3Folder

    try:
        bucket, key = split(location)
        folder = S3Folder(f"s3a://{bucket}/{key}", s3_access(bucket, s3a))
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
