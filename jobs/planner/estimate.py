"""Figures that are not known exactly: lowest, probable and highest values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

# Student's t, two-sided 95%, for 1, 2, … degrees of freedom. For more, slightly above 1.96.
T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


@dataclass(frozen=True)
class Estimate:
    """The lowest, the probable and the highest value of a figure."""

    low: float
    mid: float
    high: float

    def __add__(self, other: Estimate) -> Estimate:
        """Return the sum, assuming that both are off in the same direction."""
        return Estimate(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def times(self, factor: float) -> Estimate:
        """Return the estimate multiplied by an exact factor."""
        return Estimate(self.low * factor, self.mid * factor, self.high * factor)

    def over(self, rate: Estimate) -> Estimate:
        """Return how long this takes at a rate. The lowest time is at the highest rate."""
        return Estimate(self.low / rate.high, self.mid / rate.mid, self.high / rate.low)

    def within(self, low: float, high: float) -> Estimate:
        """Return the estimate with all values limited to a range."""
        return Estimate(*(min(max(value, low), high) for value in (self.low, self.mid, self.high)))


def exactly(value: float) -> Estimate:
    """Return an estimate for a figure that is known exactly."""
    return Estimate(value, value, value)


def larger(one: Estimate, two: Estimate) -> Estimate:
    """Return how long two things take that run at the same time."""
    return Estimate(max(one.low, two.low), max(one.mid, two.mid), max(one.high, two.high))


def mean_of_groups(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], seen: float = 0.0
) -> Estimate:
    """Return the mean per row of a dataset, from a sample of groups, with its 95% interval.

    `sums` and `sizes`: the figure's sum and the number of rows of each group, (n,). `seen`: the
    share of the dataset that the groups make up; with 1, the mean is exact. The interval comes from
    the differences between groups (a ratio estimator with Student's t), so rows within a group may
    be similar. A single group that is not the whole dataset shows nothing about other groups: the
    interval is then 0 to twice the mean.
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
