"""Scores: their distribution, by partition too, and pairs to look at. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from semscore.udfs.meters import SCORE_BINS
from semscore.udfs.pairs.statuses import SCORED, STATUSES

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_PARTITIONS = 20
SHOWN = 6  # pairs from the top, the middle and the bottom; of each other status
SHOWN_CHARS = 300
BINS_LOOKED_AT = 40


@dataclass(frozen=True)
class Bin:
    """Pairs with a score in a range."""

    low: float
    high: float
    pairs: int


@dataclass(frozen=True)
class Partition:
    """Scores of a partition, as far as it was looked at."""

    name: str
    rows: int  # in all
    seen: int  # scored rows that were looked at
    quantiles: list[float]  # at QUANTILES


@dataclass(frozen=True)
class Pair:
    """A row to look at."""

    where: str  # top, middle, bottom, or its status
    score: float | None
    text1: str | None
    text2: str | None
    partition: str


def counted_bins(histogram: Counter[int]) -> list[Bin]:
    """Cosines of all pairs, from the lowest bin that has any to the highest."""
    if not histogram:
        return []
    step = 2 / SCORE_BINS
    places = range(min(histogram), max(histogram) + 1)
    return [
        Bin(round(-1 + k * step, 6), round(-1 + (k + 1) * step, 6), histogram[k]) for k in places
    ]


def seen_bins(rows: pd.DataFrame) -> list[Bin]:
    """Scores of any metric, of the rows that were looked at."""
    scores = rows.score.dropna().to_numpy(dtype=float)
    if not len(scores):
        return []
    counts, edges = np.histogram(scores, bins=BINS_LOOKED_AT)
    return [
        Bin(float(low), float(high), int(pairs))
        for low, high, pairs in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def by_partition(rows: pd.DataFrame, counts: Counter[str]) -> list[Partition]:
    """The largest partitions, by name; `counts`: partition -> rows in all."""
    groups = dict(list(rows.dropna(subset=["score"]).groupby("partition").score))
    shown = sorted(name for name, _ in counts.most_common(MOST_PARTITIONS) if name in groups)
    return [
        Partition(
            name=name,
            rows=counts[name],
            seen=len(groups[name]),
            quantiles=[float(q) for q in groups[name].astype(float).quantile(list(QUANTILES))],
        )
        for name in shown
    ]


def pairs_to_see(rows: pd.DataFrame) -> list[Pair]:
    """Pairs from the top, the middle and the bottom of the scores, and some of each status."""
    if not {"text1", "text2"} <= set(rows):
        return []
    ranked = rows[rows.status.isin(SCORED)].sort_values("score", ascending=False, kind="stable")
    rest = ranked.iloc[SHOWN:]
    between = rest.iloc[: max(len(rest) - SHOWN, 0)]
    middle = max(len(between) // 2 - SHOWN // 2, 0)
    parts = {
        "top": ranked.iloc[:SHOWN],
        "middle": between.iloc[middle : middle + SHOWN],
        "bottom": rest.iloc[-SHOWN:],
    }
    parts |= {status: rows[rows.status == status].iloc[:SHOWN] for status in STATUSES[1:]}
    return [pair for where, some in parts.items() for pair in _pairs(where, some)]


def _pairs(where: str, rows: pd.DataFrame) -> Sequence[Pair]:
    columns = (rows[name].tolist() for name in ("score", "text1", "text2", "partition"))
    return [
        Pair(
            where,
            None if pd.isna(score) else round(float(score), 4),
            _short(text1),
            _short(text2),
            partition,
        )
        for score, text1, text2, partition in zip(*columns, strict=True)
    ]


def _short(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
