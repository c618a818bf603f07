"""What the runs of a dataset cost so far, with this one, and the cap on it."""

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


class Cost:
    """The cost of a dataset's runs, which grows while this run goes on.

    `earlier`: of the other runs. `price`: of one host per hour. `hosts`: returns the current number
    of hosts, which may change. `began`: when this run began, as from time().
    """

    def __init__(
        self, earlier: float, price: float, hosts: Callable[[], int], began: float
    ) -> None:
        self._cost, self._price, self._hosts, self._seen = earlier, price, hosts, began

    def so_far(self) -> float:
        """Return the cost. The time since the last call counts with today's hosts."""
        now = time()
        self._cost += (now - self._seen) * self._per_s
        self._seen = now
        return self._cost

    def reaches(self, most: float) -> float:
        """Return when the cost will be `most`, as from time(), if the number of hosts stays."""
        left = most - self.so_far()
        return self._seen + left / self._per_s

    @property
    def _per_s(self) -> float:
        return self._hosts() * self._price / HOUR


def earlier_cost(settings: Settings, committed: Committed | None) -> float:
    """Return what earlier runs of the dataset have cost; 0 if no price is known.

    A run that committed nothing left no record, so it does not count. Raises NothingCommitted if
    they have cost as much as --max-cost allows.
    """
    most, price = settings.limits.max_cost, settings.report.price
    if not price or not committed:
        return 0.0
    spent = host_hours(run_times(committed.tallies)) * price
    if most is not None and spent >= most:
        raise NothingCommitted(
            f"the runs of {settings.output} have cost {spent:,.2f} by its records, and --max-cost "
            f"is {most:,.2f}. To score the rest, use a higher --max-cost"
        )
    log.info("earlier runs of this dataset have cost %.2f", spent)
    return spent


def cost_of(settings: Settings, earlier: float, spark: SparkSession, began: float) -> Cost | None:
    """Return the cost of a run on the hosts of its Spark, or None if no price is known.

    In a processing job, all instances are paid for, whatever Spark uses.
    """
    price = settings.report.price
    if not price:
        return None
    return Cost(earlier, price, lambda: job_hosts() or live_hosts(spark), began)
