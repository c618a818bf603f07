"""Choose a threshold from the scores and labels of some pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.jobs.gold.curve import Doubles, curve_of, is_similar
from semscore.udfs.errors import UserError

# The columns of the table, and what they are called in Choice.
COLUMNS = {
    "threshold": "threshold",
    "precision": "precision",
    "precision_low": "low",
    "precision_high": "high",
    "recall": "recall",
    "f1": "f1",
    "similar": "similar",
    "different": "different",
    "share": "share",
}
NUMBERS = ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty")


def thresholds(
    scores: Sequence[float | None] | NDArray[Any] | pd.Series[Any],
    labels: Sequence[float | None] | NDArray[Any] | pd.Series[Any],
    *,
    positive: float | None = None,
) -> pd.DataFrame:
    """Return precision and recall at the thresholds to choose from, as `semscore report --gold`.

    Args:
        scores: The scores of n pairs. None and NaN mean that a pair has no score.
        labels: Their labels: true or 1 if the texts are similar, otherwise false or 0, and None or
            NaN if it is not known.
        positive: If the labels are grades, the lowest one that counts as similar.

    Returns:
        A frame with a row for each aim that a threshold reaches: `best F1`; `precision 0.95`, the
        most recall with a precision of at least 0.95; `recall 0.95`, the most precision with a
        recall of at least 0.95; and the same with 0.90 and 0.99. Its columns describe the pairs
        whose score is at least `threshold`: `precision` with its 95% confidence interval, from
        `precision_low` to `precision_high` (Wilson), `recall`, `f1`, how many are labelled
        `similar` and `different`, and their `share` in all pairs with a score. For the others,
        only pairs with both a label and a score count.

    Raises:
        UserError: The numbers of scores and labels differ, they are not numbers, not both kinds of
            labels occur, or `positive` is needed.

    Examples:
        >>> from semscore import thresholds
        >>> table = thresholds([0.9, 0.8, 0.7, 0.4, 0.2], [1, 1, 0, 1, 0])
        >>> table.loc["precision 0.95", ["threshold", "precision", "recall"]].round(2).to_dict()
        {'threshold': 0.8, 'precision': 1.0, 'recall': 0.67}
    """
    if len(scores) != len(labels):
        raise UserError(f"there are {len(scores):,} scores, but {len(labels):,} labels")
    all_scores, all_labels = _doubles(scores, "scores"), _doubles(labels, "labels")
    has_score = np.isfinite(all_scores)
    used = has_score & np.isfinite(all_labels)
    similar = is_similar(all_labels[used], positive, "positive")
    curve = curve_of(all_scores[used], similar, all_scores[has_score])
    return pd.DataFrame(
        {name: [getattr(each, field) for each in curve.choices] for name, field in COLUMNS.items()},
        index=pd.Index([each.aim for each in curve.choices], name="aim"),
    )


def _doubles(values: Sequence[Any] | NDArray[Any] | pd.Series[Any], what: str) -> Doubles:
    """Convert numbers and booleans to float64. None and NA become NaN."""
    column = pd.Series(list(values), dtype=object)
    column = column.where(column.notna(), np.nan)
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind not in NUMBERS:
        raise UserError(f"{what} must be numbers, or true and false, but they are {kind}")
    doubles: Doubles = column.astype(float).to_numpy()
    return doubles
