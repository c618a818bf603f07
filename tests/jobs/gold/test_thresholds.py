"""The table of thresholds for some pairs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore import UserError, thresholds

SCORES = [0.9, 0.8, 0.7, 0.6, None]


def test_a_row_for_each_aim() -> None:
    table = thresholds(SCORES, [1, 1, 0, 0, 1])
    assert table.index.name == "aim"
    assert table.index.tolist() == [
        "best F1",
        *(f"precision {aim:.2f}" for aim in (0.9, 0.95, 0.99)),
        *(f"recall {aim:.2f}" for aim in (0.9, 0.95, 0.99)),
    ]
    best = table.loc["best F1"]
    assert (best.threshold, best.precision, best.recall, best.f1) == (0.8, 1, 1, 1)
    assert (best.similar, best.different, best.share) == (2, 0, 0.5)
    assert (best.precision_low, best.precision_high) == (pytest.approx(0.342, abs=5e-4), 1)


@pytest.mark.parametrize(
    "labels",
    [
        [True, True, False, False, None],
        np.array([1, 1, 0, 0, 1], np.int8),
        pd.Series([1, 1, 0, 0, None], dtype="Int64"),
        pd.Series([True, True, False, False, None], dtype="boolean", index=list("abcde")),
        [Decimal(1), Decimal(1), Decimal(0), Decimal(0), float("nan")],
    ],
)
@pytest.mark.parametrize("scores", [SCORES, pd.Series(SCORES), np.array(SCORES, np.float32)])
def test_labels_and_scores_of_any_numeric_type(scores: Any, labels: Any) -> None:
    assert thresholds(scores, labels).similar.tolist() == [2] * 7


def test_pairs_without_a_label_count_in_the_share_only() -> None:
    best = thresholds([0.9, 0.8, 0.7, 0.6], [1, None, None, 0]).loc["best F1"]
    assert (best.similar, best.different, best.threshold, best.share) == (1, 0, 0.9, 0.25)


def test_grades_need_a_lowest_similar_one() -> None:
    with pytest.raises(UserError, match="with positive: there are labels other than 0 and 1"):
        thresholds(SCORES, [5, 4, 3, 2, 1])
    assert thresholds(SCORES, [5, 4, 3, 2, 1], positive=4).loc["best F1", "threshold"] == 0.8


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1], [1, 0], "there are 1 scores, but 2 labels"),
        ([0.1, 0.2], ["1", "0"], "labels must be numbers, or true and false, but they are string"),
        (["a", "b"], [1, 0], "scores must be numbers, or true and false, but they are string"),
        ([0.1, None], [None, 1], "no pair has both a label and a score"),
        ([], [], "no pair has both a label and a score"),
        ([0.1, 0.2], [1, 1], "all 2 pairs with a label and a score are similar"),
    ],
)
def test_mistakes_are_named(scores: Any, labels: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        thresholds(scores, labels)
