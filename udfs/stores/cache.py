"""Where a node keeps what it has fetched and made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

VARIABLE = "SEMSCORE_CACHE"


def cache_folder() -> Path:
    """Give $SEMSCORE_CACHE, else the user's cache, else a folder for temporary files.

    The last where no home folder can be written to, as in a container that runs under a number
    which belongs to no user. Always absolute. Raises OSError, with what to do, if `~` is named and
    means nothing, or the folder for temporary files belongs to somebody else.
    """
    if named := os.environ.get(VARIABLE):
        if named.startswith("~") and not has_home():
            raise FileNotFoundError(
                f"{VARIABLE}={named} means nothing: this user has no home folder; set {VARIABLE} "
                "to a whole path"
            )
        return Path(named).expanduser().absolute()
    usual = _usual()
    return usual if usual and _writable(usual) else temporary_home()


def has_home() -> bool:
    """Whether `~` means a folder: not without HOME, under a number that belongs to no user."""
    return os.path.isabs(os.path.expanduser("~"))  # noqa: PTH111, PTH117 - Path raises without


def is_temporary() -> bool:
    """Whether the cache is only in a folder for temporary files, for want of a better one."""
    return cache_folder().is_relative_to(_place())


def _usual() -> Path | None:
    """The user's cache, if there can be one."""
    user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if user.startswith("~") and not has_home():
        return None
    return Path(user, "semscore").expanduser().absolute()


def temporary_home() -> Path:
    """Make a folder of this user's own among temporary files, one for all processes of a node.

    Raises PermissionError, with what to do, if it belongs to another user.
    """
    folder = _place()
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():  # anybody can make one there
        raise PermissionError(
            f"{folder}, the only place left for the cache, belongs to another user; set "
            f"{VARIABLE} to a folder of your own"
        )
    return folder


def _place() -> Path:
    return Path(tempfile.gettempdir(), f"semscore-{os.getuid()}")


def _writable(path: Path) -> bool:
    """Whether a folder can be written to, or could be made."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK | os.X_OK)
