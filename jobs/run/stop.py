"""End a run early but cleanly: at a limit of time or cost, on a signal, after --max-units."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from types import FrameType
from typing import NamedTuple

from semscore.jobs.hosts.inside_job import ends_at
from semscore.jobs.options.slices import Limits
from semscore.jobs.run.cost import Cost

GRACE_S = 60.0  # from a signal until running units are abandoned
MARGIN_S = 45.0  # before the time limit: to abandon units, write records and stop Spark
CAUTION = 1.3  # a unit may take this many times longer than the pace so far suggests

log = logging.getLogger("semscore")


class _Limit(NamedTuple):
    """When running units are abandoned, and the words for messages."""

    drop_at: float  # as from time()
    within: str
    reached: str


class Stop:
    """Decide whether another unit may begin, and how long running units may continue.

    Create it when the run starts, because its limits count from then.
    """

    def __init__(self, limits: Limits) -> None:
        self._units_left = limits.max_units
        self._partial_ok = limits.partial_ok
        self.began = time()
        self._ends = _deadline(limits.deadline)  # as from time()
        self._cost: tuple[Cost, float] | None = None  # and the cap on it
        self._heard_at: float | None = None  # when a signal came
        self.reason: str | None = None
        self.is_success = False  # whether the user asked for a run that may end like this
        self.lost_spark = False

    def cap(self, cost: Cost, most: float) -> None:
        """Let the run end before it costs more than `most`."""
        self._cost = cost, most

    def may_begin(self, rows: int, rows_per_s: float | None) -> bool:
        """Return whether a unit of `rows` rows may begin. `rows_per_s`: None if not known yet."""
        if self.reason:
            return False
        if self._units_left == 0:
            self.reason, self.is_success = "--max-units is reached", True
        elif limit := self._limit():
            left = limit.drop_at - time()
            if left <= 0 or (rows_per_s and rows / rows_per_s * CAUTION > left):
                self.reason = f"no other unit would finish {limit.within}"
                self.is_success = self._partial_ok
        if self.reason:
            return False
        if self._units_left is not None:
            self._units_left -= 1
        return True

    @property
    def left_s(self) -> float | None:
        """Return the seconds until running units are abandoned, or None if there is no limit."""
        limit = self._limit()
        return None if limit is None else max(limit.drop_at - time(), 0.0)

    @property
    def drops(self) -> bool:
        """Return whether running units must be abandoned now."""
        limit = self._limit()
        if limit is None or time() < limit.drop_at:
            return False
        if self._heard_at is None:
            self.reason, self.is_success = limit.reached, self._partial_ok
        return True

    @property
    def in_haste(self) -> bool:
        """Return whether the run must end soon and skip what can be done later."""
        must_end = self._ends is not None or self._heard_at is not None
        return self.reason is not None and must_end

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
            if self._heard_at is not None:
                raise KeyboardInterrupt
            self._heard_at = time()
            self.reason, self.is_success = signal.Signals(number).name, False
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

    def _limit(self) -> _Limit | None:
        """Return the limit that comes first, or None if there is none."""
        limits = []
        if self._ends is not None:
            words = "before the time limit", "the time limit is reached"
            limits.append(_Limit(self._ends - MARGIN_S, *words))
        if self._cost is not None:
            cost, most = self._cost
            words = "within --max-cost", "--max-cost is reached"
            limits.append(_Limit(cost.reaches(most) - MARGIN_S, *words))
        if self._heard_at is not None:
            limits.append(_Limit(self._heard_at + GRACE_S, "", ""))
        return min(limits, default=None)


def _deadline(seconds: float | None) -> float | None:
    """Return when the run must have ended, as from time(), or None if there is no limit."""
    if seconds is not None:
        return time() + seconds
    return ends_at()
