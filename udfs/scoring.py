"""Pairs to scores and statuses: nulls and blanks aside, distinct texts embedded once, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.encoder import Embedded
from semscore.udfs.recipe import Metric

COMPARE_ROWS = 1024  # pairs compared at a time, so that the float64 copies stay small
Rows: TypeAlias = NDArray[np.int64]
Doubles: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]

STATUSES = ("ok", "truncated", "null", "blank", "error")
SCORED = ("ok", "truncated")


class Encode(Protocol):
    """n texts, all with the same prompt -> their vectors."""

    def __call__(self, texts: Sequence[str], prompt: str | None, /) -> Embedded:
        """Embed n texts."""


@dataclass(frozen=True)
class Scores:
    """n pairs' results."""

    score: NDArray[np.float32]  # (n,), NaN where the pair is not scored
    status: NDArray[np.object_]  # (n,) of str
    distinct_texts: int
    token_lengths: NDArray[np.int64]  # (distinct_texts,)


def score_pairs(
    texts1: pd.Series[Any],
    texts2: pd.Series[Any],
    encode: Encode,
    metric: Metric = "cosine",
    prompts: tuple[str | None, str | None] = (None, None),
) -> Scores:
    """Score n pairs, each distinct text embedded once for both columns.

    Status, first that applies: `null` (a text is null), `blank` (a text is empty or white space),
    `error` (the model failed on a text alone, or gave a zero or non-finite vector), `truncated`
    (scored on a text's beginning), `ok`. Only the last two have a score.
    """
    null = (texts1.isna() | texts2.isna()).to_numpy()
    blank = ~null
    blank[blank] = [
        not a.strip() or not b.strip() for a, b in zip(texts1[~null], texts2[~null], strict=True)
    ]
    status = np.select([null, blank], ["null", "blank"], default="ok").astype(object)
    score = np.full(len(texts1), np.nan, dtype=np.float32)

    rows = np.flatnonzero(~null & ~blank)
    (i, j), embedded = _embed_distinct(
        texts1.to_numpy()[rows], texts2.to_numpy()[rows], encode, prompts
    )
    values = compare(embedded.vectors, i, j, metric)
    bad = embedded.failed[i] | embedded.failed[j] | ~np.isfinite(values)
    score[rows] = np.where(bad, np.nan, values)
    status[rows[embedded.truncated[i] | embedded.truncated[j]]] = "truncated"
    status[rows[bad]] = "error"
    return Scores(score, status, len(embedded.vectors), embedded.tokens)


def compare(vectors: NDArray[np.float32], i: Rows, j: Rows, metric: Metric) -> NDArray[np.float32]:
    """Similarity of vectors[i] and vectors[j], row by row: (m, dim), (n,), (n,) -> (n,) float32.

    The figures of sentence-transformers' similarity functions, summed in float64. NaN where a
    vector is zero or not finite.
    """
    usable = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    out = np.full(len(i), np.nan, dtype=np.float64)
    for start in range(0, len(i), COMPARE_ROWS):
        part = slice(start, start + COMPARE_ROWS)
        a, b = vectors[i[part]].astype(np.float64), vectors[j[part]].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            out[part] = _METRICS[metric](a, b)
    out[~(usable[i] & usable[j])] = np.nan
    with np.errstate(over="ignore"):
        return out.astype(np.float32)


def _cosine(a: Doubles, b: Doubles) -> Doubles:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: Doubles = (_dot(a, b) / lengths).clip(-1, 1)
    return cosines


def _dot(a: Doubles, b: Doubles) -> Doubles:
    products: Doubles = np.einsum("nd,nd->n", a, b)
    return products


def _euclidean(a: Doubles, b: Doubles) -> Doubles:
    distances: Doubles = np.linalg.norm(a - b, axis=1)
    return -distances


def _manhattan(a: Doubles, b: Doubles) -> Doubles:
    distances: Doubles = np.abs(a - b).sum(axis=1)
    return -distances


_METRICS = {"cosine": _cosine, "dot": _dot, "euclidean": _euclidean, "manhattan": _manhattan}


def _embed_distinct(
    texts1: Texts, texts2: Texts, encode: Encode, prompts: tuple[str | None, str | None]
) -> tuple[tuple[Rows, Rows], Embedded]:
    """Embed each distinct text once: the rows of the vectors that each pair needs, and these."""
    if prompts[0] == prompts[1]:
        codes, distinct = _distinct(np.concatenate([texts1, texts2]))
        return (codes[: len(texts1)], codes[len(texts1) :]), encode(distinct, prompts[0])
    codes1, distinct1 = _distinct(texts1)
    codes2, distinct2 = _distinct(texts2)
    first, second = encode(distinct1, prompts[0]), encode(distinct2, prompts[1])
    both = Embedded(
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("vectors", "truncated", "failed", "tokens")
        )
    )
    return (codes1, codes2 + len(distinct1)), both


def _distinct(texts: Texts) -> tuple[Rows, list[str]]:
    """Each text's place among the distinct ones: (n,), and these in order of appearance.

    By Python's own equality: pd.factorize reads a text only up to its first NUL character.
    """
    places: dict[str, int] = {}
    codes = (places.setdefault(text, len(places)) for text in texts)
    return np.fromiter(codes, np.int64, len(texts)), list(places)
