"""Correlation with grades."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from semscore.jobs.reporting.gold import MOST_DOTS, against_gold


def test_correlations_are_scipys() -> None:
    random = np.random.default_rng(0)
    gold = random.integers(0, 6, 500)
    score = gold / 5 + random.normal(0, 0.3, 500)
    rows = pd.DataFrame({"gold": gold, "score": score})
    found = against_gold(rows, "grade")
    assert found.spearman == pytest.approx(stats.spearmanr(gold, score).statistic)
    assert found.pearson == pytest.approx(stats.pearsonr(gold, score).statistic)
    assert (found.pairs, found.column, len(found.dots)) == (500, "grade", 500)


def test_rows_without_either_are_left_out(rows: pd.DataFrame) -> None:
    found = against_gold(rows, "grade")
    assert (found.pairs, found.spearman) == (9, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("gold", "reason"),
    [
        ([1.0, 2.0], "too few pairs have a grade and a score (2, at least 3 needed)"),
        ([3.0, 3.0, 3.0, 3.0], "all grades, or all scores, are equal"),
        ([None, None, None], "too few pairs have a grade and a score (0,"),
        (["a", "b", "c"], "too few pairs have a grade and a score (0,"),
        ([math.inf, -math.inf, 1.0, 2.0], "too few pairs have a grade and a score (2,"),
        ([dt.datetime(2026, 1, k) for k in range(1, 6)], "the column holds times, not grades"),
        ([dt.timedelta(k) for k in range(1, 6)], "the column holds times, not grades"),
    ],
)
def test_what_gives_no_correlation_says_why(gold: list[object], reason: str) -> None:
    rows = pd.DataFrame({"gold": gold, "score": np.linspace(0, 1, len(gold))})
    found = against_gold(rows, "grade")
    assert (found.spearman, found.pearson, found.dots) == (None, None, [])
    assert reason in (found.reason or "")


def test_decimals_and_booleans_are_numbers() -> None:
    score = [0.1, 0.2, 0.4, 0.3]
    decimals = [Decimal("1.5"), Decimal("2.5"), Decimal("4"), None]
    assert against_gold(pd.DataFrame({"gold": decimals, "score": score}), "g").spearman == 1
    flags = pd.DataFrame({"gold": [False, False, True, True], "score": score})
    assert (against_gold(flags, "g").spearman or 0) > 0.8


def test_of_many_pairs_some_are_drawn() -> None:
    rows = pd.DataFrame({"gold": np.arange(5000.0), "score": np.arange(5000.0)})
    found = against_gold(rows, "grade")
    assert (len(found.dots), found.pairs) == (MOST_DOTS, 5000)
