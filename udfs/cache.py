"""Where a node keeps what it has fetched and made."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$SEMSCORE_CACHE, or the user's cache."""
    user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("SEMSCORE_CACHE") or Path(user, "semscore")).expanduser()
