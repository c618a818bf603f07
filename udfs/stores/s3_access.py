"""Access to S3 by Hadoop's settings for S3A, so that Spark and Python connect in the same way."""

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
    """Return a folder on S3.

    Raises UserError for an invalid location, StorageError if S3 cannot be reached.
    """
    from botocore.exceptions import BotoCoreError  # takes half a second, so only if S3 is used

    from semscore.udfs.stores.s3_folder import S3Folder

    try:
        bucket, key = split(location)
        folder = S3Folder(f"s3a://{bucket}/{key}", s3_access(bucket, s3a))
    except (BotoCoreError, ValueError) as error:  # an invalid endpoint, a wrong profile
        raise UserError(f"{location} cannot be used: {error}") from error
    folder.require_reachable()
    return folder


def s3_access(bucket: str, s3a: Mapping[str, str]) -> Access:
    """Return how S3A would access a bucket.

    Settings of the bucket (fs.s3a.bucket.NAME.…) take precedence over general ones.
    """

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
            f"{S3A}encryption.algorithm {encryption!r} is not supported; use one of "
            f"{', '.join(ENCRYPTION)}, or leave it unset for the bucket's default encryption"
        )
    timeout = re.fullmatch(r"(\d+)\s*([a-z]*)", get("connection.timeout") or "60s")
    if timeout is None or timeout[2] not in UNITS_MS:
        raise UserError(f"{S3A}connection.timeout must be a time such as 60s")
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
