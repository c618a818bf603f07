"""What the runs of a dataset have cost, and what is left of --max-cost for this one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

from semscore.jobs.history.timeline import host_hours, run_times
from semscore.jobs.hosts.inside_job import job_hosts
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.spark.live import live_hosts
from semscore.udfs.errors import NothingCommitted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from semscore.jobs.options.settings import Settings

HOUR = 3600

log = logging.getLogger("semscore")


class Budget:
    """The cost that is left for a run, and the time in which it will be used up.

    `left`: the cost that is left at the time `began`, as from time(). `price`: of one host per
    hour. `hosts`: returns the current number of hosts, which may change.
    """

    def __init__(self, left: float, price: float, hosts: Callable[[], int], began: float) -> None:
        self._left, self._price, self._hosts, self._seen = left, price, hosts, began

    def ends(self) -> float:
        """Return when nothing will be left, as from time(), if the number of hosts stays the same.

        The time since the last call counts with today's hosts, so call it often.
        """
        now, per_s = time(), self._hosts() * self._price / HOUR
        self._left -= (now - self._seen) * per_s
        self._seen = now
        return now + self._left / per_s


def cost_left(settings: Settings, committed: Committed | None) -> float | None:
    """Return what is left of --max-cost; None without it. Raises NothingCommitted if nothing is.

    Runs that committed nothing left no record, so they do not count.
    """
    most, price = settings.limits.max_cost, settings.report.price
    if most is None or price is None:
        return None
    spent = host_hours(run_times(committed.tallies)) * price if committed else 0.0
    if spent >= most:
        raise NothingCommitted(
            f"the runs of {settings.output} have cost {spent:,.2f} by its records, and --max-cost "
            f"is {most:,.2f}. To score the rest, use a higher --max-cost"
        )
    log.info("--max-cost %s: earlier runs have cost %.2f", f"{most:,.2f}", spent)
    return most - spent


def budget_of(left: float, settings: Settings, spark: SparkSession, began: float) -> Budget:
    """Return the budget of a run that began with this cost left, for the hosts of its Spark.

    In a processing job, all instances are paid for, whatever Spark uses.
    """
    assert settings.report.price is not None  # see Settings
    return Budget(left, settings.report.price, lambda: job_hosts() or live_hosts(spark), began)
