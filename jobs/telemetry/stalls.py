"""Say when no rows come any more, which a speed over the whole run does not show."""

from __future__ import annotations

import logging

from semscore.jobs.telemetry.table import Facts

STALL_S = 600  # a window of long texts on one core takes less

log = logging.getLogger("semscore")


class Stalls:
    """Log a warning once when no row has come for ten minutes, and once when rows come again."""

    def __init__(self) -> None:
        self._is_stalled = False

    def look(self, facts: Facts) -> None:
        """Look at the facts, which mean nothing for this unless the run is going on."""
        if facts["state"] != "running":
            return
        stalled = facts["idle_s"] >= STALL_S
        if stalled and not self._is_stalled:
            log.warning(
                "stalled: no row has been scored for %d min, at %s of %s rows. If this goes on, "
                "look at Spark's log (--debug) and at the hosts; a stopped run can be resumed",
                facts["idle_s"] // 60,
                f"{facts['rows']:,}",
                f"{facts['rows_total']:,}",
                extra={"event": "stall", "idle_s": facts["idle_s"]},
            )
        if self._is_stalled and not stalled:
            log.warning("rows are being scored again", extra={"event": "stall_over"})
        self._is_stalled = stalled
