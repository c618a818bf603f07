"""Scoring of pairs: skip nulls and blanks, embed each distinct text once, compare the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.pairs.statuses import BLANK, ERROR, NULL, OK, TRUNCATED
from semscore.udfs.recipe import Metric
from semscore.udfs.texts.encoder import Embedded

Texts: TypeAlias = NDArray[np.object_]
Prompts: TypeAlias = tuple[str | None, str | None]


class Encode(Protocol):
    """A function that embeds n texts, all with the same prompt."""

    def __call__(self, texts: Sequence[str], prompt: str | None, /) -> Embedded:
        """Embed n texts."""


@dataclass(frozen=True)
class Pairs:
    """n pairs, m of which can be scored, and their distinct texts.

    `texts` has one list for both columns, or one for each if they have different prompts.
    """

    status: NDArray[np.object_]  # (n,) of str: null, blank, else ok
    rows: Rows  # (m,) indices of the pairs to score
    i: Rows  # (m,) indices of the first texts in texts[0]
    j: Rows  # (m,) indices of the second texts in texts[-1]
    texts: list[list[str]]
    prompts: list[str | None]  # one for each list


@dataclass(frozen=True)
class Scores:
    """The results of n pairs."""

    score: NDArray[np.float32]  # (n,), NaN where the pair is not scored
    status: NDArray[np.object_]  # (n,) of str
    distinct_texts: int
    token_lengths: NDArray[np.int64]  # (distinct_texts,)


def score_pairs(
    texts1: pd.Series[Any],
    texts2: pd.Series[Any],
    encode: Encode,
    metric: Metric = "cosine",
    prompts: Prompts = (None, None),
) -> Scores:
    """Score n pairs, embedding each distinct text once for both columns.

    The status is the first of these that applies: `null` (a text is null), `blank` (a text is empty
    or white space), `error` (the model failed on a text alone, or gave a zero or non-finite
    vector), `truncated` (only the beginning of a text was read), `ok`. Only the last two have a
    score.
    """
    pairs = lay_out(texts1, texts2, prompts)
    return score(pairs, list(map(encode, pairs.texts, pairs.prompts)), metric)


def lay_out(texts1: pd.Series[Any], texts2: pd.Series[Any], prompts: Prompts) -> Pairs:
    """Find the pairs with null or blank texts, and the distinct texts of the other pairs."""
    null = (texts1.isna() | texts2.isna()).to_numpy()
    first, second = texts1.to_numpy(dtype=object), texts2.to_numpy(dtype=object)
    rows = np.flatnonzero(~null)
    filled = [bool(a.strip() and b.strip()) for a, b in zip(first[rows], second[rows], strict=True)]
    status = np.where(null, NULL, OK).astype(object)
    if not all(filled):
        status[rows[~np.array(filled)]] = BLANK
        rows = rows[np.array(filled)]
    first, second = first[rows], second[rows]
    if prompts[0] == prompts[1]:
        codes, distinct = _distinct(np.concatenate([first, second]))
        return Pairs(status, rows, codes[: len(rows)], codes[len(rows) :], [distinct], [prompts[0]])
    i, distinct1 = _distinct(first)
    j, distinct2 = _distinct(second)
    return Pairs(status, rows, i, j, [distinct1, distinct2], list(prompts))


def score(pairs: Pairs, embedded: Sequence[Embedded], metric: Metric) -> Scores:
    """Return scores and statuses of n pairs, given the vectors of each of their lists of texts."""
    first, second, i, j = embedded[0], embedded[-1], pairs.i, pairs.j
    values = compare(first.vectors, i, second.vectors, j, metric)
    bad = first.failed[i] | second.failed[j] | ~np.isfinite(values)
    score = np.full(len(pairs.status), np.nan, dtype=np.float32)
    score[pairs.rows] = np.where(bad, np.nan, values)
    status = pairs.status.copy()
    status[pairs.rows[first.truncated[i] | second.truncated[j]]] = TRUNCATED
    status[pairs.rows[bad]] = ERROR
    lengths = np.concatenate([part.tokens for part in embedded])
    return Scores(score, status, len(lengths), lengths)


def _distinct(texts: Texts) -> tuple[Rows, list[str]]:
    """Return each text's index among the distinct ones, (n,), and these in order of appearance.

    Uses Python's equality, because pd.factorize reads a text only up to its first NUL character.
    """
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    return np.array(codes, np.int64), list(places)
