"""Say when no rows come any more, which a speed over the whole run does not show."""

from __future__ import annotations

import logging

from semscore.jobs.telemetry.table import Facts

STALL_S = 600  # without a new row; a window of long texts on one core takes less
STALLED = "stalled: no row has been scored"  # conf/cloudformation/semscore.yaml looks for this

log = logging.getLogger("semscore")


class Stalls:
    """Log a warning for each ten minutes in which no row has come, and when rows come again."""

    def __init__(self) -> None:
        self._said = 0  # of the present stall

    def look(self, facts: Facts) -> None:
        """Look at the facts, which mean nothing for this unless the run is going on."""
        if facts["state"] != "running":
            return
        periods = int(facts["idle_s"] // STALL_S)
        if periods > self._said:
            log.warning(
                "%s for %d min, at %s of %s rows. If this goes on, look at Spark's log (--debug) "
                "and at the hosts; a stopped run can be resumed",
                STALLED,
                facts["idle_s"] // 60,
                f"{facts['rows']:,}",
                f"{facts['rows_total']:,}",
                extra={"event": "stall", "idle_s": facts["idle_s"]},
            )
        if self._said and not periods:
            log.warning("rows are being scored again", extra={"event": "stall_over"})
        self._said = periods
