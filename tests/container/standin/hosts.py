"""How the hosts of a job know that the primary, the first of them, still works."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PORT = 5555
STARTING_S = 180  # until the primary answers
SILENT_S = 20  # as in the real image: then a worker takes it for dead
LOG = logging.getLogger("smspark-submit")


@contextmanager
def alive() -> Iterator[None]:
    """Let workers connect while the block runs."""
    with socket.create_server(("", PORT)) as server:

        def accept() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:  # closed
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield


def wait_for_end(primary: str) -> None:
    """Return when the primary has not answered for a while."""
    heard, wait = time.monotonic(), STARTING_S
    while time.monotonic() - heard < wait:
        try:
            socket.create_connection((primary, PORT), timeout=2).close()
            heard, wait = time.monotonic(), SILENT_S
        except OSError:
            pass
        time.sleep(1)
    LOG.info("the primary %s has not answered for %s s", primary, wait)
