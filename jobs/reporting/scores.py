"""Compute distributions of the scores and choose example pairs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from semscore.udfs.meters import SCORE_BINS
from semscore.udfs.statuses import SCORED, STATUSES

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_PARTITIONS = 20
SHOWN = 6  # pairs from each of top, middle and bottom, and of each status except ok
SHOWN_CHARS = 300
BINS_LOOKED_AT = 40


@dataclass(frozen=True)
class Bin:
    """The number of pairs whose score is in a range."""

    low: float
    high: float
    pairs: int


@dataclass(frozen=True)
class Partition:
    """Scores of a partition, from the rows that were read."""

    name: str
    rows: int  # all rows of the partition
    seen: int  # scored rows that were read
    quantiles: list[float]  # at QUANTILES


@dataclass(frozen=True)
class Pair:
    """A row to show as an example."""

    where: str  # top, middle, bottom, or its status
    score: float | None
    text1: str | None
    text2: str | None
    partition: str


def counted_bins(histogram: Counter[int]) -> list[Bin]:
    """Return the bins of all cosines, from the lowest non-empty bin to the highest."""
    if not histogram:
        return []
    step = 2 / SCORE_BINS
    used = range(min(histogram), max(histogram) + 1)
    return [Bin(round(-1 + k * step, 6), round(-1 + (k + 1) * step, 6), histogram[k]) for k in used]


def seen_bins(rows: pd.DataFrame) -> list[Bin]:
    """Return bins of the scores of any metric, from the rows that were read."""
    scores = rows.score.dropna().to_numpy(dtype=float)
    if not len(scores):
        return []
    counts, edges = np.histogram(scores, bins=BINS_LOOKED_AT)
    return [
        Bin(float(low), float(high), int(pairs))
        for low, high, pairs in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def by_partition(rows: pd.DataFrame, counts: Counter[str]) -> list[Partition]:
    """Return the largest partitions, sorted by name. `counts`: partition -> all its rows."""
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
    """Choose pairs from the top, middle and bottom of the scores and of each other status.

    Returns no pairs if the rows have no texts.
    """
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
    return [pair for where, part in parts.items() for pair in _pairs(where, part)]


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
