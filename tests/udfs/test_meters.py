"""Meters add up."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from semscore.udfs.meters import SCORE_BINS, TOKEN_BINS, Meters, MetersParam, worker_of


def scored(scores: list[float], lengths: Any = ()) -> Any:
    """Scores, statuses, token lengths and the number of texts, as Meters.count takes them."""
    status = np.full(len(scores), "ok", dtype=object)
    return np.array(scores, np.float32), status, np.array(lengths, np.int64), 2 * len(scores)


def test_rows_texts_and_statuses_are_counted() -> None:
    meters = Meters()
    for _ in range(2):
        meters.count(*scored([0.5, 0.7], [3, 4, 5]))
    assert (meters.rows, meters.texts, meters.distinct_texts) == (4, 8, 6)
    assert meters.statuses == {"ok": 4}


def test_adding_sums_counts_and_seconds_and_keeps_the_larger_peak() -> None:
    a = Meters(rows=1, load_s=0.5, peak_rss_bytes=7, statuses=Counter(ok=1, null=2))
    b = Meters(rows=10, load_s=0.25, peak_rss_bytes=5, statuses=Counter(ok=3, error=1))
    both = a + b
    assert (both.rows, both.load_s, both.peak_rss_bytes) == (11, 0.75, 7)
    assert both.statuses == {"ok": 4, "null": 2, "error": 1}
    assert isinstance(both.statuses, Counter)


def test_adding_leaves_both_as_they_were() -> None:
    a, b = (Meters(rows=n, workers={"w": Counter(rows=n)}) for n in (1, 2))
    both = a + b
    both.workers["w"]["rows"] = 99
    assert (a.workers, b.workers) == ({"w": {"rows": 1}}, {"w": {"rows": 2}})
    assert (a.rows, b.rows) == (1, 2)


def test_each_worker_has_its_own_sums() -> None:
    tasks = []
    for label, rows in (("h 1 cpu fake", 3), ("h 2 cpu fake", 4), ("h 1 cpu fake", 5)):
        tasks.append(Meters(rows=rows, forward_s=rows / 2, peak_rss_bytes=9))
        tasks[-1].assign(label, "a CPU")
    both = tasks[0] + tasks[1] + tasks[2]
    one, two = both.workers["h 1 cpu fake"], both.workers["h 2 cpu fake"]
    assert (one["rows"], one["forward_s"]) == (8, 4.0)
    assert (two["rows"], two["forward_s"]) == (4, 2.0)
    assert "peak_rss_bytes" not in one
    assert both.hardware == {"a CPU": 12}
    assert worker_of("h 1 cpu fake") == ("h", "1", "cpu", "fake")


def test_only_scores_between_bounds_are_put_into_bins() -> None:
    meters = Meters()
    meters.count(*scored([-7.5, 3.0]), bounded=False)
    assert (meters.rows, meters.score_hist) == (2, {})


def test_order_and_grouping_of_the_tasks_do_not_matter() -> None:
    a, b, c = (
        Meters(rows=rows, peak_rss_bytes=rows % 3, score_hist=Counter({rows: 1}))
        for rows in (4, 5, 6)
    )
    assert (a + b) + c == a + (b + c) == c + (b + a)


def test_the_accumulator_starts_with_nothing_and_adds() -> None:
    param = MetersParam()
    one = Meters(rows=3, token_hist=Counter({2: 1}))
    assert param.zero(one) == Meters()
    assert param.addInPlace(param.zero(one), one) == one


def test_figures_are_the_plain_numbers() -> None:
    figures = Meters(rows=3, statuses=Counter(ok=1)).figures()
    assert figures["rows"] == 3
    assert "statuses" not in figures
    assert all(isinstance(value, int | float) for value in figures.values())


@pytest.mark.parametrize(
    ("score", "bin_"),
    [(-1, 0), (-0.951, 0), (-0.949, 1), (0, 20), (0.049, 20), (0.951, 39), (1, 39)],
)
def test_scores_fall_into_forty_bins_of_cosine(score: float, bin_: int) -> None:
    meters = Meters()
    meters.count(*scored([score]))
    assert meters.score_hist == {bin_: 1}


def test_scores_beyond_cosine_fall_into_the_outermost_bins_and_none_into_no_bin() -> None:
    meters = Meters()
    meters.count(*scored([-40, 99, np.nan]))
    assert meters.score_hist == {0: 1, SCORE_BINS - 1: 1}


def test_token_lengths_fall_into_bins_of_powers_of_two() -> None:
    meters = Meters()
    lengths = np.array([0, 1, 2, 3, 4, 7, 8, 255, 256, 2**15, 2**20], dtype=np.int64)
    meters.count(*scored([], lengths))
    assert meters.token_hist == {0: 2, 1: 2, 2: 2, 3: 1, 7: 1, 8: 1, TOKEN_BINS - 1: 2}


def test_every_power_of_two_opens_its_bin() -> None:
    lengths = 2 ** np.arange(TOKEN_BINS, dtype=np.int64)
    meters = Meters()
    meters.count(*scored([], np.concatenate([lengths, 2 * lengths - 1])))
    assert meters.token_hist == dict.fromkeys(range(TOKEN_BINS), 2)
