"""Local copies of folders on S3, fetched once per node and again only after a change."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from semscore.udfs.stores.cache import cache_folder
from semscore.udfs.stores.s3 import Access, s3_client, split, told

AT_ONCE = 4  # files; boto3 fetches large ones in parts, several at once


class Unsynced(Exception):
    """The folder could not be fetched. The message says why."""


def synced(location: str, endings: Sequence[str], version: str | None = None) -> Path:
    """Return a local copy of the files below an S3 URL that have one of these suffixes.

    The name of the folder is its version: 24 hex digits of a hash over names, sizes and ETags. If
    `version` is given and already local, no request goes to S3. boto3 finds the credentials. Raises
    Unsynced if boto3, access or the files are missing, or if the files no longer have `version`.
    """
    home = cache_folder() / "s3"
    if version and (home / version).is_dir():
        return home / version
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise Unsynced(f"{location}: S3 requires boto3; pip install boto3") from error
    try:
        bucket, prefix = split(location)
        client = s3_client(Access())
        files = _listed(client, bucket, prefix, endings)
        current = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:24]
        if not files:
            raise Unsynced(f"{location}: no files of a model were found")
        if version and version != current:
            raise Unsynced(
                f"{location} is at revision {current}, expected {version}; it may have changed "
                "since"
            )
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{current}.lock"):
            if not (home / current).is_dir():
                with _fetched(client, bucket, prefix, files, home / current) as workshop:
                    if _listed(client, bucket, prefix, endings) != files:
                        raise Unsynced(f"{location} changed while it was fetched; try again")
                    workshop.rename(home / current)
    except (BotoCoreError, ClientError) as error:
        raise Unsynced(told(error, location)) from error
    except (Boto3Error, OSError) as error:
        raise Unsynced(f"{location}: {error}") from error
    except ValueError as error:
        raise Unsynced(str(error)) from error
    return home / current


def _listed(
    client: Any, bucket: str, prefix: str, endings: Sequence[str]
) -> list[tuple[str, int, str]]:
    """Return the name below the prefix, size and ETag of each file."""
    start = f"{prefix}/" if prefix else ""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    return [
        (item["Key"][len(start) :], item["Size"], item["ETag"])
        for page in pages
        for item in page.get("Contents", ())
        if PurePosixPath(item["Key"]).suffix in endings
    ]


@contextmanager
def _fetched(
    client: Any, bucket: str, prefix: str, files: Sequence[tuple[str, int, str]], target: Path
) -> Iterator[Path]:
    """Fetch the files into a temporary folder beside the target, removed on exit."""
    workshop = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    names = [name for name, _, _ in files]
    try:
        for name in names:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"s3://{bucket}/{prefix}: {name!r} is not a valid file name")
            (workshop / name).parent.mkdir(parents=True, exist_ok=True)

        def fetch(name: str) -> None:
            key = "/".join(filter(None, (prefix, name)))
            client.download_file(bucket, key, str(workshop / name))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(fetch, names))
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
