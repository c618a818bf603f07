"""Precision and recall by threshold: by hand, by scikit-learn, and as their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from semscore.jobs.gold.curve import MOST_POINTS, Choice, Curve, curve_of, is_similar
from semscore.udfs.errors import UserError

SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
SIMILAR = [True, True, False, True, False, False]
# Float32 as in files, and some ties.
SCORE = st.floats(-1, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(-1e3, 1e3)
PAIRS = st.lists(st.tuples(SCORE, st.booleans()), min_size=2, max_size=60).filter(
    lambda pairs: len({similar for _, similar in pairs}) == 2
)


def curve(scores: list[float], similar: list[bool]) -> Curve:
    return curve_of(np.array(scores), np.array(similar), np.array(scores))


def by_aim(curve: Curve) -> dict[str, Choice]:
    return {choice.aim: choice for choice in curve.choices}


def test_values_by_hand() -> None:
    """Precision from the highest score down: 1, 1, 2/3, 3/4, 3/5, 1/2. Recall: 1/3, 2/3, 2/3, 1."""
    found = curve(SCORES, SIMILAR)
    assert (found.similar, found.different, found.missed) == (3, 3, [])
    assert found.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found.points == [
        (0.4, pytest.approx(1 / 2), 1),
        (0.5, pytest.approx(3 / 5), 1),
        (0.6, pytest.approx(3 / 4), 1),
        (0.7, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (0.8, 1, pytest.approx(2 / 3)),
        (0.9, 1, pytest.approx(1 / 3)),
    ]
    choices = by_aim(found)
    assert {aim: choice.threshold for aim, choice in choices.items()} == {
        "best F1": 0.6,
        "precision 0.90": 0.8,
        "precision 0.95": 0.8,
        "precision 0.99": 0.8,
        "recall 0.90": 0.6,
        "recall 0.95": 0.6,
        "recall 0.99": 0.6,
    }
    best = choices["best F1"]
    assert (best.similar, best.different, best.pairs) == (3, 1, 4)
    assert (best.precision, best.recall, best.share) == (0.75, 1, pytest.approx(4 / 6))
    assert best.f1 == pytest.approx(6 / 7)


def test_the_interval_is_wilsons() -> None:
    """8 of 10: Wilson (1927) gives 0.490 to 0.943."""
    scores = [0.9] * 10 + [0.1] * 10
    best = by_aim(curve(scores, [True] * 8 + [False] * 12))["best F1"]
    assert (best.similar, best.pairs) == (8, 10)
    assert (best.low, best.high) == (pytest.approx(0.490, abs=5e-4), pytest.approx(0.943, abs=5e-4))


def test_aims_that_no_threshold_reaches_are_named() -> None:
    found = curve([0.9, 0.8, 0.7], [False, True, True])
    assert found.missed == ["precision 0.90", "precision 0.95", "precision 0.99"]
    assert set(by_aim(found)) == {"best F1", "recall 0.90", "recall 0.95", "recall 0.99"}


def test_a_precision_is_reached_with_the_most_recall() -> None:
    """Precision is 1, 1/2, 2/3 … 9/10 from the top down: 0.9 is reached again with recall 1."""
    scores = [1 - k / 100 for k in range(10)]
    chosen = by_aim(curve(scores, [True, False] + [True] * 8))["precision 0.90"]
    assert (chosen.threshold, chosen.precision, chosen.recall) == (0.91, 0.9, 1)


def test_a_threshold_that_only_lets_in_different_pairs_is_not_chosen() -> None:
    """Down to 0.1, precision stays at 0.9 or more, but recall is complete at 0.2."""
    scores = [1 - k / 1000 for k in range(100)] + [0.2, 0.1]
    chosen = by_aim(curve(scores, [True] * 101 + [False]))
    assert {choice.threshold for choice in chosen.values()} == {0.2}


@pytest.mark.parametrize(
    ("score", "below", "short"),
    [
        (0.79263, 0.7811, 0.79),
        (0.79263, 0.7911, 0.792),
        (0.79263, 0.79262, 0.79263),
        (-0.5012, -0.62, -0.51),
        (-12.3456, -12.349, -12.346),
        (0.00001234, 0.0000123, 0.00001234),
        (1234.5678, 3.0, 1234.56),
        (1.0, 0.999999, 1.0),
    ],
)
def test_a_threshold_has_as_few_decimals_as_separate_it(
    score: float, below: float, short: float
) -> None:
    found = curve([score, below], [True, False])
    assert by_aim(found)["best F1"].threshold == short


def test_float32_scores_are_on_the_same_side_in_float32_and_float64() -> None:
    """As a double, float32(0.57) is a little less than 0.57."""
    scores = np.array([0.58, 0.57], np.float32)
    threshold = by_aim(curve([float(score) for score in scores], [True, False]))[
        "best F1"
    ].threshold
    assert (scores >= np.float32(threshold)).tolist() == [True, False]
    assert (scores.astype(float) >= threshold).tolist() == [True, False]


@given(PAIRS)
def test_the_curve_is_scikit_learns(pairs: list[tuple[float, bool]]) -> None:
    scores, similar = (np.array(each) for each in zip(*pairs, strict=True))
    found = curve_of(scores, similar, scores)
    precision, recall, thresholds = metrics.precision_recall_curve(similar, scores)
    expected = list(zip(thresholds, precision, recall, strict=False))
    assert found.points == expected
    assert found.average_precision == metrics.average_precision_score(similar, scores)


@given(PAIRS)
def test_figures_hold_for_the_threshold_that_is_shown(pairs: list[tuple[float, bool]]) -> None:
    scores, similar = (np.array(each) for each in zip(*pairs, strict=True))
    for choice in curve_of(scores, similar, scores).choices:
        decided = scores >= choice.threshold
        assert choice.precision == metrics.precision_score(similar, decided)
        assert choice.recall == metrics.recall_score(similar, decided)
        assert choice.f1 == pytest.approx(metrics.f1_score(similar, decided))
        assert choice.low <= choice.precision <= choice.high
        assert choice.share == decided.mean()


@given(PAIRS)
def test_no_score_is_a_better_threshold_for_its_aim(pairs: list[tuple[float, bool]]) -> None:
    scores, similar = (np.array(each) for each in zip(*pairs, strict=True))
    found = curve_of(scores, similar, scores)
    choices = by_aim(found)
    for score in set(scores.tolist()):
        decided = scores >= score
        precision = metrics.precision_score(similar, decided)
        recall = metrics.recall_score(similar, decided)
        assert metrics.f1_score(similar, decided) <= choices["best F1"].f1 + 1e-12
        for aim in (0.9, 0.95, 0.99):
            if precision >= aim:
                best = choices[f"precision {aim:.2f}"]
                assert (best.precision >= aim, best.recall >= recall) == (True, True)
                assert best.recall > recall or best.precision >= precision
            if recall >= aim:
                best = choices[f"recall {aim:.2f}"]
                assert (best.recall >= aim, best.precision >= precision) == (True, True)
    assert set(choices).isdisjoint(found.missed)


def test_a_long_curve_is_thinned_and_keeps_both_ends() -> None:
    random = np.random.default_rng(0)
    scores, similar = random.random(5000), random.random(5000) < 0.5
    found = curve_of(scores, similar, scores)
    assert len(found.points) == MOST_POINTS
    assert (found.points[0][0], found.points[-1][0]) == (scores.min(), scores.max())


@pytest.mark.parametrize(
    ("labels", "positive", "message"),
    [
        ([], None, "no pair has both a label and a score"),
        ([0, 1, 4.75], None, "with positive: there are labels other than 0 and 1, such as 4.75"),
        ([1, 1], None, "all 2 pairs with a label and a score are similar: their labels are all 1"),
        ([0, 0], None, "are different: their labels are all 0, and similar means at least 1"),
        ([1, 2, 3], 4, "their labels are 1 to 3, and similar means at least 4"),
    ],
)
def test_labels_that_give_no_curve_say_why(
    labels: list[float], positive: float | None, message: str
) -> None:
    with pytest.raises(UserError) as error:
        is_similar(np.array(labels, dtype=float), positive, "positive")
    assert message in str(error.value)


def test_labels_of_at_least_the_positive_one_are_similar() -> None:
    labels = np.array([0.0, 3.9, 4.0, 5.0])
    assert is_similar(labels, 4, "positive").tolist() == [False, False, True, True]
    assert is_similar(np.array([0.0, 1.0]), None, "positive").tolist() == [False, True]
    assert is_similar(np.array([-1.0, 1.0]), 0, "positive").tolist() == [False, True]
