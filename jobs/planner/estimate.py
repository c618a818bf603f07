"""A figure that is not known exactly: what it may be at least, probably, and at most. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

# Student's t, two-sided 95%, for 1, 2, … degrees of freedom; beyond, 1.96 and a little.
T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


@dataclass(frozen=True)
class Estimate:
    """Least, probable, most."""

    low: float
    mid: float
    high: float

    def __add__(self, other: Estimate) -> Estimate:
        """Both together, as if both erred to the same side."""
        return Estimate(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def times(self, factor: float) -> Estimate:
        """So many times as much."""
        return Estimate(self.low * factor, self.mid * factor, self.high * factor)

    def over(self, rate: Estimate) -> Estimate:
        """How long this takes at a rate: least at the highest rate."""
        return Estimate(self.low / rate.high, self.mid / rate.mid, self.high / rate.low)

    def within(self, low: float, high: float) -> Estimate:
        """Cut to what is possible."""
        return Estimate(*(min(max(value, low), high) for value in (self.low, self.mid, self.high)))


def exactly(value: float) -> Estimate:
    """A figure that is known."""
    return Estimate(value, value, value)


def larger(one: Estimate, two: Estimate) -> Estimate:
    """Of two things at once, the one that takes longer."""
    return Estimate(max(one.low, two.low), max(one.mid, two.mid), max(one.high, two.high))


def mean_of_groups(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], seen: float = 0.0
) -> Estimate:
    """The mean per row of a dataset of which some groups of rows were looked at, and 95% around it.

    `sums`, `sizes`: of the figure and of rows in each group, (n,). `seen`: share of the dataset
    that the groups are; 1: they are all of it, so the mean is exact. The interval comes from how
    the groups differ (a ratio estimator with Student's t), so rows in a group may be as alike as
    they like. One group that is not all says nothing of the others: least 0, most twice the mean.
    """
    mean = float(sums.sum() / max(sizes.sum(), 1))
    if seen >= 1:
        return exactly(mean)
    n = len(sums)
    if n < 2:
        return Estimate(0.0, mean, 2 * mean)
    spread = float(((sums - mean * sizes) ** 2).sum() / (n - 1))
    error = sqrt((1 - seen) * spread / n) / float(sizes.mean())
    t = T95[n - 2] if n - 2 < len(T95) else 1.96 + 2.5 / (n - 1)
    return Estimate(max(mean - t * error, 0.0), mean, mean + t * error)
