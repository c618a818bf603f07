"""Scores against grades that people gave. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MOST_DOTS = 1_000  # of the scatter plot
LEAST = 3  # pairs without which a correlation says nothing


@dataclass(frozen=True)
class Gold:
    """How well scores follow a column of grades."""

    column: str
    pairs: int  # graded and scored
    spearman: float  # rank correlation, ties at their mean rank
    pearson: float
    dots: list[tuple[float, float]]  # grade, score: all, or some


def against_gold(rows: pd.DataFrame, column: str) -> Gold | None:
    """Correlate `gold` with `score`; None: fewer than LEAST pairs have both, or one is constant."""
    if "gold" not in rows:
        return None
    both = rows[["gold", "score"]].apply(pd.to_numeric, errors="coerce").dropna()
    if len(both) < LEAST or both.nunique().min() < 2:
        return None
    dots = both.sample(MOST_DOTS, random_state=0) if len(both) > MOST_DOTS else both
    return Gold(
        column=column,
        pairs=len(both),
        spearman=float(both.gold.rank().corr(both.score.rank())),
        pearson=float(both.gold.astype(float).corr(both.score.astype(float))),
        dots=[(float(grade), float(score)) for grade, score in dots.to_numpy()],
    )
