"""Scores against grades that people gave. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_DOTS = 1_000  # of the scatter plot
LEAST = 3  # pairs without which a correlation says nothing


@dataclass(frozen=True)
class Gold:
    """How well scores follow a column of grades."""

    column: str
    pairs: int  # graded and scored
    spearman: float | None  # rank correlation, ties at their mean rank
    pearson: float | None
    dots: list[tuple[float, float]]  # grade, score: all, or some
    reason: str | None = None  # why there is no correlation


def against_gold(rows: pd.DataFrame, column: str) -> Gold:
    """Correlate `gold` with `score`, in rows that have both as finite numbers."""
    if "gold" not in rows:
        return Gold(column, 0, None, None, [], "the output has no such column")
    if pd.api.types.is_datetime64_any_dtype(rows.gold) or rows.gold.dtype.kind == "m":
        return Gold(column, 0, None, None, [], "it holds times, not grades")
    both = rows[["gold", "score"]].apply(pd.to_numeric, errors="coerce").astype(float)
    both = both.replace([np.inf, -np.inf], np.nan).dropna()
    if len(both) < LEAST:
        reason = f"{len(both)} pairs have both a score and a number there"
        return Gold(column, len(both), None, None, [], reason)
    if both.nunique().min() < 2:
        return Gold(column, len(both), None, None, [], "all grades, or all scores, are alike")
    dots = both.sample(MOST_DOTS, random_state=0) if len(both) > MOST_DOTS else both
    return Gold(
        column=column,
        pairs=len(both),
        spearman=float(both.gold.rank().corr(both.score.rank())),
        pearson=float(both.gold.corr(both.score)),
        dots=[(float(grade), float(score)) for grade, score in dots.to_numpy()],
    )
