"""Precision and recall by threshold, and the thresholds that reach given aims. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.errors import UserError

PRECISIONS = RECALLS = (0.9, 0.95, 0.99)
BEST = "best F1"
MOST_POINTS = 200  # of the curve
SHORTEST, LONGEST = 2, 17  # decimals of a threshold

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """A threshold, with what pairs that score at least as much are."""

    aim: str  # such as "precision 0.95"
    threshold: float
    similar: int  # pairs at or above it that are labelled similar
    different: int
    precision: float
    low: float  # 95% confidence interval of the precision (Wilson)
    high: float
    recall: float
    f1: float
    share: float  # of all scored pairs, with or without a label, those at or above it

    @property
    def pairs(self) -> int:
        """Return the number of labelled pairs at or above the threshold."""
        return self.similar + self.different


@dataclass(frozen=True)
class Curve:
    """Precision and recall by threshold."""

    similar: int  # labelled pairs
    different: int
    scored: int  # pairs with or without a label, for `share`
    average_precision: float
    points: list[tuple[float, float, float]]  # threshold, precision, recall; evenly chosen
    choices: list[Choice]
    missed: list[str]  # aims that no threshold reaches

    @property
    def pairs(self) -> int:
        """Return the number of labelled pairs."""
        return self.similar + self.different


def is_similar(labels: Doubles, positive: float | None, option: str) -> Flags:
    """Return which labels mean similar: those of at least `positive`, or 1 if that is None.

    Raises UserError if `positive` is needed, or if not both kinds occur. `option` is its name.
    """
    if not len(labels):
        raise UserError("no pair has both a label and a score")
    if positive is None:
        odd = labels[(labels != 0) & (labels != 1)]
        if len(odd):
            raise UserError(
                f"for precision and recall by threshold, give the lowest label that counts as "
                f"similar, with {option}: there are labels other than 0 and 1, such as {odd[0]:g}"
            )
        positive = 1
    similar = labels >= positive
    if similar.all() or not similar.any():
        kind = "similar" if similar.any() else "different"
        raise UserError(
            f"precision and recall need similar and different pairs, but all {len(labels):,} pairs "
            f"with a label and a score are {kind}: their labels are {_range(labels)}, and similar "
            f"means at least {positive:g}. Label pairs of both kinds, or change {option}"
        )
    return similar


def curve_of(scores: Doubles, similar: Flags, all_scores: Doubles) -> Curve:
    """Compute precision and recall at each score of n labelled pairs of both kinds.

    `all_scores`: also those of pairs without a label, for the shares at or above a threshold.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(similar, scores)
    precision, recall = precision[:-1], recall[:-1]  # the last has no threshold
    positions = dict(_aims(precision, recall))
    shown = np.linspace(0, len(thresholds) - 1, min(len(thresholds), MOST_POINTS)).astype(int)
    points = np.column_stack([thresholds, precision, recall])[shown]
    return Curve(
        similar=int(similar.sum()),
        different=int((~similar).sum()),
        scored=len(all_scores),
        average_precision=float(average_precision_score(similar, scores)),
        points=[(float(t), float(p), float(r)) for t, p, r in points],
        choices=[
            _choice(aim, _short(thresholds, k), scores, similar, all_scores)
            for aim, k in positions.items()
            if k is not None
        ],
        missed=[aim for aim, k in positions.items() if k is None],
    )


def _aims(precision: Doubles, recall: Doubles) -> Iterator[tuple[str, int | None]]:
    """Yield each aim, and the position of the threshold that reaches it best.

    That is the threshold with the most recall among those with enough precision, and the other way
    round. Thresholds ascend, so recall never rises. Where it stays the same, precision rises.
    """
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    yield BEST, int(np.argmax(f1))
    for aim in PRECISIONS:
        enough = np.flatnonzero(precision >= aim)
        most = np.flatnonzero(recall == recall[enough[0]]) if len(enough) else enough
        yield f"precision {aim:.2f}", int(most[-1]) if len(most) else None
    for aim in RECALLS:
        yield f"recall {aim:.2f}", int(np.argmax(precision[recall >= aim]))


def _short(thresholds: Doubles, position: int) -> float:
    """Round a threshold down to as few decimals as leave the same pairs at or above it.

    They stay the same if it is compared with scores as float32, as pandas does, or as float64.
    """
    exact = float(thresholds[position])
    below = float(thresholds[position - 1]) if position else -math.inf
    for decimals in range(SHORTEST, LONGEST):
        scale = 10.0**decimals
        rounded = math.floor(exact * scale) / scale
        if np.float32(below) < np.float32(rounded) and rounded <= exact:
            return rounded
    return exact


def _choice(
    aim: str, threshold: float, scores: Doubles, similar: Flags, all_scores: Doubles
) -> Choice:
    from scipy.stats import binomtest

    above = scores >= threshold
    right, pairs = int(similar[above].sum()), int(above.sum())
    interval = binomtest(right, pairs).proportion_ci(0.95, method="wilson")
    precision, recall = right / pairs, right / int(similar.sum())
    return Choice(
        aim=aim,
        threshold=threshold,
        similar=right,
        different=pairs - right,
        precision=precision,
        low=float(interval.low),
        high=float(interval.high),
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if right else 0.0,
        share=float((all_scores >= threshold).mean()),
    )


def _range(labels: Doubles) -> str:
    low, high = labels.min(), labels.max()
    return f"all {low:g}" if low == high else f"{low:g} to {high:g}"
