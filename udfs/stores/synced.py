"""A folder on S3 as a local one: fetched once per node, and again only if it has changed."""

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
    """The folder could not be fetched; the message says why."""


def synced(location: str, endings: Sequence[str], version: str | None = None) -> Path:
    """The local copy of the files below an S3 URL whose names have one of these endings.

    The copy's name is its version: 24 hex digits for names, sizes and ETags as they were listed.
    With a version that is there already, S3 is not asked. Access is as boto3 finds it. Raises
    Unsynced: no boto3, no access, no files, or not the `version` any more.
    """
    home = cache_folder() / "s3"
    if version and (home / version).is_dir():
        return home / version
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise Unsynced(f"{location}: S3 needs boto3 here; pip install boto3") from error
    try:
        bucket, prefix = split(location)
        client = s3_client(Access())
        found = _listed(client, bucket, prefix, endings)
        now = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:24]
        if not found:
            raise Unsynced(f"{location}: there is nothing, or nothing of a model")
        if version and version != now:
            raise Unsynced(f"{location} is at revision {now}, not {version}: has it changed since?")
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{now}.lock"):
            if not (home / now).is_dir():
                with _fetched(client, bucket, prefix, found, home / now) as workshop:
                    if _listed(client, bucket, prefix, endings) != found:
                        raise Unsynced(f"{location} changed while it was fetched; start again")
                    workshop.rename(home / now)
    except (BotoCoreError, ClientError) as error:
        raise Unsynced(told(error, location)) from error
    except (Boto3Error, OSError) as error:
        raise Unsynced(f"{location}: {error}") from error
    except ValueError as error:
        raise Unsynced(str(error)) from error
    return home / now


def _listed(
    client: Any, bucket: str, prefix: str, endings: Sequence[str]
) -> list[tuple[str, int, str]]:
    """Name below the prefix, size and ETag of each file."""
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
    """The files in a folder beside the target, for as long as this lasts; then it is removed."""
    workshop = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    names = [name for name, _, _ in files]
    try:
        for name in names:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"s3://{bucket}/{prefix}: {name!r} is no name of a file")
            (workshop / name).parent.mkdir(parents=True, exist_ok=True)

        def fetch(name: str) -> None:
            key = "/".join(filter(None, (prefix, name)))
            client.download_file(bucket, key, str(workshop / name))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(fetch, names))
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
