"""Access to S3 for the libraries that read tables' logs: as Spark's S3A has it."""

from __future__ import annotations

from collections.abc import Callable

from semscore.udfs.stores.registry import Storage
from semscore.udfs.stores.s3 import Access, is_s3, split
from semscore.udfs.stores.s3_access import s3_access


def deltalake_options(location: str, storage: Storage) -> dict[str, str]:
    """Return the storage options of deltalake for a location; empty for one on a disk."""
    return _options(location, storage, _for_deltalake)


def pyiceberg_options(location: str, storage: Storage) -> dict[str, str]:
    """Return the properties of pyiceberg for a location; empty for one on a disk."""
    return _options(location, storage, _for_pyiceberg)


def _options(
    location: str, storage: Storage, named: Callable[[Access], dict[str, str | None]]
) -> dict[str, str]:
    if not is_s3(location):
        return {}
    access = s3_access(split(location)[0], storage.settings)
    return {name: value for name, value in named(access).items() if value}


def _for_deltalake(access: Access) -> dict[str, str | None]:
    return {
        "AWS_ENDPOINT_URL": access.endpoint,
        "AWS_REGION": access.region,
        "AWS_ACCESS_KEY_ID": access.access_key,
        "AWS_SECRET_ACCESS_KEY": access.secret_key,
        "AWS_SESSION_TOKEN": access.session_token,
        "AWS_ALLOW_HTTP": _word((access.endpoint or "").startswith("http:")),
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": _word(not access.path_style),
        "AWS_REQUEST_PAYER": _word(access.requester_pays),
    }


def _for_pyiceberg(access: Access) -> dict[str, str | None]:
    return {
        "s3.endpoint": access.endpoint,
        "s3.region": access.region,
        "s3.access-key-id": access.access_key,
        "s3.secret-access-key": access.secret_key,
        "s3.session-token": access.session_token,
        "s3.force-virtual-addressing": _word(not access.path_style),
    }


def _word(value: bool) -> str:
    return "true" if value else "false"
