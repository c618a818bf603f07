"""Ending before all is done, in good order: a time limit, a signal, a trial's few units."""

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

GRACE_S = 60.0  # from a signal until units in work are dropped
MARGIN_S = 45.0  # before the time limit: for the drop, records, Spark's end
CAUTION = 1.3  # a unit may take so much longer than its rows at the pace so far

log = logging.getLogger("semscore")


class Stop:
    """Whether another unit may begin, and how long those in work may go on.

    Made when the run begins: from then on its time counts.
    """

    def __init__(self, limits: Limits) -> None:
        self._units_left = limits.max_units
        self._ends = _deadline(limits.deadline)  # as time() has it
        self._drop_at = None if self._ends is None else self._ends - MARGIN_S
        self._heard = False  # a signal
        self.reason: str | None = None

    def may_begin(self, rows: int, rows_per_s: float | None) -> bool:
        """Whether a unit of so many rows may begin; `rows_per_s`: None, nothing is known yet."""
        if self.reason:
            return False
        if self._units_left == 0:
            self.reason = "--max-units is reached"
        elif self._drop_at is not None:
            left = self._drop_at - time()
            if left <= 0 or (rows_per_s and rows / rows_per_s * CAUTION > left):
                self.reason = "no other unit would be done by the time limit"
        if self.reason:
            return False
        if self._units_left is not None:
            self._units_left -= 1
        return True

    @property
    def drops(self) -> bool:
        """Whether units in work are to be given up now."""
        if self._drop_at is None or time() < self._drop_at:
            return False
        self.reason = self.reason or "the time limit is reached"
        return True

    @property
    def in_haste(self) -> bool:
        """Whether the run must end soon, and leave out what can be done later."""
        return self.reason is not None and self._drop_at is not None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C, as long as this lasts, end the run in good order; twice, at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python takes signals in its main thread only
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def hear(number: int, _: FrameType | None) -> None:
            if self._heard:
                raise KeyboardInterrupt
            self._heard = True
            self.reason = signal.Signals(number).name
            self._drop_at = min(time() + GRACE_S, self._drop_at or float("inf"))
            log.warning(
                "%s: units in work have %.0f s to end; once more ends at once", self.reason, GRACE_S
            )

        for number in before:
            signal.signal(number, hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _deadline(seconds: float | None) -> float | None:
    """When the run must have ended, as time() has it."""
    if seconds is not None:
        return time() + seconds
    return ends_at()
