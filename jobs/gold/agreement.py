"""Compare scores with labels that people gave. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from semscore.jobs.gold.curve import Curve, Doubles, curve_of, is_similar
from semscore.jobs.gold.read import Labels
from semscore.udfs.errors import UserError

MOST_DOTS = 1_000  # in the scatter plot
LEAST = 3  # pairs; with fewer, a correlation means nothing


@dataclass(frozen=True)
class Gold:
    """How well the scores agree with a column of labels."""

    column: str
    positive: float | None  # the lowest label that counts as similar; None: labels are 0 and 1
    rows: int  # in the files
    labelled: int  # rows with a label
    pairs: int  # rows with a label and a score
    used: int  # pairs behind the figures: all, or a random sample
    spearman: float | None  # rank correlation; ties get their mean rank
    pearson: float | None
    dots: list[tuple[float, float]]  # (label, score) of all pairs, or of a random sample
    reason: str | None  # why there is no correlation
    curve: Curve | None
    no_curve: str | None  # why there is no curve


def against_gold(column: str, positive: float | None, found: Labels, all_scores: Doubles) -> Gold:
    """Correlate labels with scores, and compute precision and recall by threshold.

    `all_scores`: also of rows without a label, for the shares of rows above a threshold.
    """
    both = pd.DataFrame({"label": found.labels, "score": found.scores})
    reason = _no_correlation(both)
    curve = no_curve = None
    try:
        similar = is_similar(found.labels, positive, "--gold-positive")
        curve = curve_of(found.scores, similar, all_scores if len(all_scores) else found.scores)
    except UserError as error:
        no_curve = str(error)
    return Gold(
        column=column,
        positive=positive,
        rows=found.rows,
        labelled=found.labelled,
        pairs=found.pairs,
        used=len(both),
        spearman=None if reason else float(both.label.rank().corr(both.score.rank())),
        pearson=None if reason else float(both.label.corr(both.score)),
        dots=[] if reason else [(float(x), float(y)) for x, y in both[:MOST_DOTS].to_numpy()],
        reason=reason,
        curve=curve,
        no_curve=no_curve,
    )


def _no_correlation(both: pd.DataFrame) -> str | None:
    if len(both) < LEAST:
        return f"too few pairs have a label and a score ({len(both)}, at least {LEAST} needed)"
    if both.nunique().min() < 2:
        return "all labels, or all scores, are equal"
    return None
