"""Correlation with grades."""

from __future__ import annotations

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
    assert found is not None
    assert found.spearman == pytest.approx(stats.spearmanr(gold, score).statistic)
    assert found.pearson == pytest.approx(stats.pearsonr(gold, score).statistic)
    assert (found.pairs, found.column, len(found.dots)) == (500, "grade", 500)


def test_rows_without_either_are_left_out(rows: pd.DataFrame) -> None:
    found = against_gold(rows, "grade")
    assert found is not None
    assert (found.pairs, found.spearman) == (9, pytest.approx(1.0))


@pytest.mark.parametrize(
    "gold", [[1.0, 2.0], [3.0, 3.0, 3.0, 3.0], [None, None, None], ["a", "b", "c"]]
)
def test_too_little_says_nothing(gold: list[object]) -> None:
    rows = pd.DataFrame({"gold": gold, "score": np.linspace(0, 1, len(gold))})
    assert against_gold(rows, "grade") is None


def test_of_many_pairs_some_are_drawn() -> None:
    rows = pd.DataFrame({"gold": np.arange(5000.0), "score": np.arange(5000.0)})
    found = against_gold(rows, "grade")
    assert found is not None
    assert (len(found.dots), found.pairs) == (MOST_DOTS, 5000)
