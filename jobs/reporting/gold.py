"""Compare scores with grades that people gave. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_DOTS = 1_000  # in the scatter plot
LEAST = 3  # pairs; with fewer, a correlation means nothing


@dataclass(frozen=True)
class Gold:
    """How well the scores agree with a column of grades."""

    column: str
    pairs: int  # with a grade and a score
    spearman: float | None  # rank correlation; ties get their mean rank
    pearson: float | None
    dots: list[tuple[float, float]]  # (grade, score) of all pairs, or of a sample
    reason: str | None = None  # why there is no correlation


def against_gold(rows: pd.DataFrame, column: str) -> Gold:
    """Correlate `gold` with `score` over the rows in which both are finite numbers."""
    if "gold" not in rows:
        return Gold(column, 0, None, None, [], "the output has no such column")
    if pd.api.types.is_datetime64_any_dtype(rows.gold) or rows.gold.dtype.kind == "m":
        return Gold(column, 0, None, None, [], "the column holds times, not grades")
    both = rows[["gold", "score"]].apply(pd.to_numeric, errors="coerce").astype(float)
    both = both.replace([np.inf, -np.inf], np.nan).dropna()
    if len(both) < LEAST:
        reason = f"too few pairs have a grade and a score ({len(both)}, at least {LEAST} needed)"
        return Gold(column, len(both), None, None, [], reason)
    if both.nunique().min() < 2:
        return Gold(column, len(both), None, None, [], "all grades, or all scores, are equal")
    dots = both.sample(MOST_DOTS, random_state=0) if len(both) > MOST_DOTS else both
    return Gold(
        column=column,
        pairs=len(both),
        spearman=float(both.gold.rank().corr(both.score.rank())),
        pearson=float(both.gold.corr(both.score)),
        dots=[(float(grade), float(score)) for grade, score in dots.to_numpy()],
    )
