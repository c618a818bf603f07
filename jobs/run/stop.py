"""End a run early but cleanly: at a time limit, on a signal, after --max-units, without Spark."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from types import FrameType

from semscore.jobs.hosts.inside_job import ends_at
from semscore.jobs.options.slices import Limits

GRACE_S = 60.0  # from a signal until running units are abandoned
MARGIN_S = 45.0  # before the time limit: to abandon units, write records and stop Spark
CAUTION = 1.3  # a unit may take this many times longer than the pace so far suggests

log = logging.getLogger("semscore")


class Stop:
    """Decide whether another unit may begin, and how long running units may continue.

    Create it when the run starts, because its time limit counts from then.
    """

    def __init__(self, limits: Limits) -> None:
        self._units_left = limits.max_units
        self._partial_ok = limits.partial_ok
        self._ends = _deadline(limits.deadline)  # as from time()
        self._drop_at = None if self._ends is None else self._ends - MARGIN_S
        self._heard = False  # whether a signal came
        self.reason: str | None = None
        self.is_success = False  # whether the user asked for a run that may end like this
        self.lost_spark = False

    def may_begin(self, rows: int, rows_per_s: float | None) -> bool:
        """Return whether a unit of `rows` rows may begin. `rows_per_s`: None if not known yet."""
        if self.reason:
            return False
        if self._units_left == 0:
            self.reason, self.is_success = "--max-units is reached", True
        elif self._drop_at is not None:
            left = self._drop_at - time()
            if left <= 0 or (rows_per_s and rows / rows_per_s * CAUTION > left):
                self.reason = "no other unit would finish before the time limit"
                self.is_success = self._partial_ok
        if self.reason:
            return False
        if self._units_left is not None:
            self._units_left -= 1
        return True

    @property
    def left_s(self) -> float | None:
        """Return the seconds until running units are abandoned, or None if there is no limit."""
        return None if self._drop_at is None else max(self._drop_at - time(), 0.0)

    @property
    def drops(self) -> bool:
        """Return whether running units must be abandoned now."""
        if self._drop_at is None or time() < self._drop_at:
            return False
        if not self._heard:
            self.reason, self.is_success = "the time limit is reached", self._partial_ok
        return True

    @property
    def in_haste(self) -> bool:
        """Return whether the run must end soon and skip what can be done later."""
        return self.reason is not None and self._drop_at is not None

    def spark_ended(self, why: str) -> None:
        """Let the run end because it has no Spark any more."""
        self.reason, self.is_success, self.lost_spark = why, False, True

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGTERM and Ctrl-C end the run cleanly within the block; a second one, at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python handles signals in its main thread only
            return
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def handle(number: int, _: FrameType | None) -> None:
            if self._heard:
                raise KeyboardInterrupt
            self._heard = True
            self.reason, self.is_success = signal.Signals(number).name, False
            self._drop_at = min(time() + GRACE_S, self._drop_at or float("inf"))
            log.warning(
                "received %s: running units have %.0f s to finish; send it again to stop at once",
                self.reason,
                GRACE_S,
            )

        for number in previous:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _deadline(seconds: float | None) -> float | None:
    """Return when the run must have ended, as from time(), or None if there is no limit."""
    if seconds is not None:
        return time() + seconds
    return ends_at()
