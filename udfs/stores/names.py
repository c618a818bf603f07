"""Names of files and folders: which of them Spark can have, and how all can be printed."""

from __future__ import annotations

import os
import re

# Hive's rule, and Spark's: these characters of a value are written as %XX in a folder's name.
ESCAPED = r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]"""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # the folder of null and of the empty string


def is_hidden(path: str) -> bool:
    """Whether Spark reads no such file: names that start with `_` or `.`, unless partitions do."""
    return any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in path.split("/")
    )


def is_utf8(name: str) -> bool:
    """Whether a name is text; Python has bytes that are not UTF-8 as surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    r"""A name with what is not text as its bytes: `caf\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def folder_name(column: str, value: str) -> str:
    """A partition's folder, as Spark names it."""
    return f"{_escaped(column)}={_escaped(value) or NO_VALUE}"


def _escaped(text: str) -> str:
    return re.sub(ESCAPED, lambda match: f"%{ord(match[0]):02X}", text)
