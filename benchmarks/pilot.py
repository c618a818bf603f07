"""Choose how many rows a contender scores, so that a measurement is long enough and not too long.

The time between two sizes should be many times the noise. Slow contenders get fewer rows than fast
ones, and all are compared by pairs/s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

ENOUGH_S = 4  # of scoring in a pilot; a shorter one is too much affected by noise
LEAST = 0.9  # of the wanted time between two sizes
GROWTH = 4  # of a pilot that was too short
START_UP = 2  # rows; such a run takes only the time to start and end


class Sizes(NamedTuple):
    """The numbers of rows of the two runs whose difference counts."""

    small: int
    large: int


def choose(
    seconds: Callable[[int], float], first: int, target_s: float, most: int, step: int = 1
) -> Sizes:
    """Return the sizes between which a contender takes about `target_s`.

    `seconds` runs the contender on a number of rows. `first` is the size of the pilot, and becomes
    the small size if the pilot is long enough. The large size is the small one and a multiple of
    `step`, or has two digits that are not zero. The sizes do not exceed `most`.
    """
    start_s = seconds(START_UP)
    small = min(first, most // 2)
    while (scoring_s := seconds(small) - start_s) < ENOUGH_S and GROWTH * small <= most // 2:
        small *= GROWTH
    more = target_s * (small - START_UP) / max(scoring_s, 0.5)
    large = small + max(round(more / step), 1) * step if step > 1 else _two_digits(small + more)
    return Sizes(small, max(min(large, most), small + 1))


def longer(sizes: Sizes, seconds: Sequence[float], target_s: float, most: int) -> Sizes:
    """Return sizes further apart if the measured `seconds` of both are too close to each other.

    A pilot takes for scoring what only happens once, such as calibrating int8 on more texts than
    the smallest run has.
    """
    small_s, large_s = seconds
    apart_s = large_s - small_s
    if apart_s >= LEAST * target_s:
        return sizes
    more = (sizes.large - sizes.small) * target_s / max(apart_s, 0.5)
    return Sizes(sizes.small, min(_two_digits(sizes.small + more), most))


def _two_digits(rows: float) -> int:
    unit: int = 10 ** max(len(str(int(rows))) - 2, 0)
    return int(rows // unit) * unit
