"""Ranges, and whether they hold what they should."""

from __future__ import annotations

import numpy as np
import pytest

from semscore.jobs.planner.estimate import Estimate, exactly, larger, mean_of_groups


def test_the_least_time_is_the_least_work_at_the_highest_rate() -> None:
    assert Estimate(10, 20, 30).over(Estimate(1, 2, 5)) == Estimate(2, 10, 30)
    assert Estimate(1, 5, 6) + exactly(1) == Estimate(2, 6, 7)
    assert larger(Estimate(1, 5, 6), exactly(3)) == Estimate(3, 5, 6)
    assert Estimate(-1, 0.5, 2).within(0, 1) == Estimate(0, 0.5, 1)


def test_the_mean_is_per_row_not_per_group() -> None:
    found = mean_of_groups(np.array([10.0, 90.0]), np.array([10.0, 30.0]))
    assert found.mid == 100 / 40


def test_all_of_a_dataset_is_exact_and_one_group_of_it_says_little() -> None:
    assert mean_of_groups(np.array([3.0]), np.array([4.0]), seen=1.0) == exactly(0.75)
    assert mean_of_groups(np.array([3.0]), np.array([4.0])) == Estimate(0, 0.75, 1.5)
    assert mean_of_groups(np.zeros(0), np.zeros(0)) == exactly(0)


@pytest.mark.parametrize("groups", [2, 4, 12, 40])
def test_intervals_cover_the_truth_as_often_as_they_say(groups: int) -> None:
    """Groups of unequal sizes whose means differ; 95% of 500 intervals, within chance."""
    random = np.random.default_rng(groups)
    held = 0
    for _ in range(500):
        sizes = random.integers(50, 150, groups).astype(float)
        sums = sizes * random.normal(0.6, 0.1, groups)
        found = mean_of_groups(sums, sizes)
        held += found.low <= 0.6 <= found.high
    assert 0.92 <= held / 500 <= 0.99
