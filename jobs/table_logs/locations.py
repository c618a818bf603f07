"""Locations in tables' logs, in the form that Spark and Folder.url have."""

from __future__ import annotations

from urllib.parse import unquote

from semscore.udfs.stores.local_folder import local_path
from semscore.udfs.stores.s3 import is_s3, split


def spark_url(location: str) -> str:
    """Return the URL of a location, which is a path or a URL without escapes."""
    if is_s3(location):
        return "s3a://{}/{}".format(*split(location))
    return f"file://{local_path(location)}"


def decoded_url(location: str) -> str:
    """Return the URL of a location, which is a URL with escapes."""
    return spark_url(unquote(location))


def plain_url(url: str) -> str:
    """Return the form that libraries other than Spark's have of a URL."""
    return url.replace("s3a://", "s3://", 1)
