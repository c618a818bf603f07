"""Correlation with labels, and what stands in the way of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from semscore.jobs.gold.agreement import MOST_DOTS, Gold, against_gold
from semscore.jobs.gold.read import Labels


def found(labels: list[float], scores: list[float] | None = None) -> Labels:
    """Return these labels, with ascending scores unless others are given."""
    values = np.linspace(0, 1, len(labels)) if scores is None else np.array(scores)
    return Labels(np.array(labels, dtype=float), values, 10, len(labels), len(labels))


def compared(labels: Labels, positive: float | None = None) -> Gold:
    return against_gold("grade", positive, labels, labels.scores)


def test_correlations_are_scipys() -> None:
    random = np.random.default_rng(0)
    grades = random.integers(0, 6, 500)
    scores = grades / 5 + random.normal(0, 0.3, 500)
    gold = compared(found(list(grades), list(scores)))
    assert gold.spearman == pytest.approx(stats.spearmanr(grades, scores).statistic)
    assert gold.pearson == pytest.approx(stats.pearsonr(grades, scores).statistic)
    assert (gold.pairs, gold.column, len(gold.dots)) == (500, "grade", 500)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([1, 2], "too few pairs have a label and a score (2, at least 3 needed)"),
        ([], "too few pairs have a label and a score (0, at least 3 needed)"),
        ([3, 3, 3, 3], "all labels, or all scores, are equal"),
    ],
)
def test_what_gives_no_correlation_says_why(labels: list[float], reason: str) -> None:
    gold = compared(found(labels))
    assert (gold.spearman, gold.pearson, gold.dots, gold.reason) == (None, None, [], reason)


def test_grades_need_a_lowest_similar_one_for_a_curve() -> None:
    grades = found([0, 1, 2, 3, 4])
    gold = compared(grades)
    assert gold.curve is None
    assert gold.spearman == pytest.approx(1)
    assert "with --gold-positive: there are labels other than 0 and 1" in (gold.no_curve or "")
    gold = compared(grades, positive=3)
    assert gold.no_curve is None
    assert gold.curve
    assert (gold.curve.similar, gold.curve.different) == (2, 3)


def test_shares_are_of_all_scores_also_those_without_a_label() -> None:
    labels = found([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    gold = against_gold("grade", None, labels, np.array([0.1, 0.2, 0.8, 0.9] + [0.0] * 6))
    assert gold.curve
    assert gold.curve.choices[0].share == 0.2
    unread = against_gold("grade", None, labels, np.array([]))
    assert unread.curve
    assert unread.curve.choices[0].share == 0.5


def test_of_many_pairs_some_are_drawn() -> None:
    gold = compared(found(list(range(5000))))
    assert (len(gold.dots), gold.pairs) == (MOST_DOTS, 5000)
