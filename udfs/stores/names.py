"""Names of files and folders: which ones Spark can read, and how to print them."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

# Hive's rule, and Spark's: these characters of a value are written as %XX in a folder's name.
ESCAPED = r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]"""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the folder of null and of the empty string


def is_hidden(path: str) -> bool:
    """Return whether Spark ignores a path: some part starts with `.`, or with `_` and has no `=`.

    A folder such as `_x=1` is a partition, which Spark reads.
    """
    return any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in path.split("/")
    )


def is_utf8(name: str) -> bool:
    """Return whether a name is valid UTF-8. Python represents other bytes as surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    r"""Return a name with bytes that are not UTF-8 escaped: `caf\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def folder_name(column: str, value: str) -> str:
    """Return the name that Spark gives to the folder of a partition."""
    return f"{_escaped(column)}={_escaped(value) or NO_VALUE}"


def values_in(path: str) -> tuple[tuple[str, str], ...]:
    """Return the columns and values in the names of the folders of a path, as Spark decodes them.

    For Spark, `%C3` is one character.
    """
    folders = (folder.partition("=") for folder in path.split("/")[:-1])
    return tuple(
        (unquote(name, "latin-1"), unquote(value, "latin-1"))
        for name, equals, value in folders
        if equals
    )


def _escaped(text: str) -> str:
    return re.sub(ESCAPED, lambda match: f"%{ord(match[0]):02X}", text)
