"""The cache folder of a node, for everything that it has fetched or made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "SEMSCORE_CACHE"


def cache_folder() -> Path:
    """Return $SEMSCORE_CACHE, else the user's cache, else a folder for temporary files.

    The last applies if there is no writable home folder, as in a container whose user ID has no
    entry in the user database. The path is always absolute. Raises OSError, with what to do, if
    $SEMSCORE_CACHE starts with `~` and there is no home folder, or if the folder for temporary
    files belongs to another user.
    """
    if named := os.environ.get(VARIABLE):
        if named.startswith("~") and not has_home():
            raise FileNotFoundError(
                f"{VARIABLE}={named} cannot be used because this user has no home folder; set "
                f"{VARIABLE} to an absolute path"
            )
        return Path(named).expanduser().absolute()
    usual = _usual()
    return usual if usual and _writable(usual) else temporary_home()


def has_home() -> bool:
    """Return whether `~` can be resolved: HOME is set, or the user ID has a home folder."""
    return os.path.isabs(os.path.expanduser("~"))  # noqa: PTH111, PTH117 - Path raises without


def is_temporary() -> bool:
    """Return whether the cache is in the folder for temporary files."""
    return cache_folder().is_relative_to(_place())


def _usual() -> Path | None:
    """Return the folder in the user's cache, or None without a home folder."""
    parent = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if parent.startswith("~") and not has_home():
        return None
    return Path(parent, "semscore").expanduser().absolute()


def temporary_home() -> Path:
    """Create this user's folder for temporary files, which all processes of a node share.

    Returns its path. Raises PermissionError, with what to do, if it belongs to another user.
    """
    folder = _place()
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():  # any user can create it
        raise PermissionError(
            f"the cache would be in {folder}, which belongs to another user; set {VARIABLE} to a "
            "folder of your own"
        )
    return folder


def _place() -> Path:
    return Path(tempfile.gettempdir(), f"semscore-{os.getuid()}")


def _writable(path: Path) -> bool:
    """Return whether a folder is writable, or could be created."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK | os.X_OK)
