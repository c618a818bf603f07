"""Sending results to Spark as soon as they exist.

Spark's worker collects 64 KB before it sends any, which is thousands of scores. Until then, a query
for a few rows waits and the worker goes on scoring.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def sender() -> Callable[[], None]:
    """Return a function that sends what this task has written.

    Spark gives functions no access to its stream, so it is taken from the frame of pyspark's
    worker.main, which calls them. The function does nothing if there is no such frame.
    """
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_name == "main" and "outfile" in frame.f_code.co_varnames:
            send: Callable[[], None] = frame.f_locals["outfile"].flush
            return send
    return lambda: None
