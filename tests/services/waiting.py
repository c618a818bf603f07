"""Wait for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

PATIENCE = 600  # seconds; many times what an idle machine needs


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Return when a condition is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Return whether a web server at an address answers without an error."""
    try:
        with urlopen(url, timeout=2):
            return True
    except OSError:  # as urllib's errors are
        return False
