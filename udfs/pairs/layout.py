"""What is to be computed for n pairs: which of them can be scored, and their distinct texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.protocol import Rows
from semscore.udfs.recipe import Prompt
from semscore.udfs.statuses import BLANK, NULL, OK

Texts: TypeAlias = NDArray[np.object_]
Statuses: TypeAlias = NDArray[np.object_]  # (n,) of str


@dataclass(frozen=True)
class DistinctTexts:
    """n pairs, m of which can be scored, and their distinct texts.

    `texts` has one list for both columns, or one for each if they are read differently or if all
    texts of a column are the same.
    """

    status: Statuses  # null, blank, else ok
    rows: Rows  # (m,) indices of the pairs to score
    i: Rows  # (m,) indices of the first texts in texts[0]
    j: Rows  # (m,) indices of the second texts in texts[-1]
    texts: list[list[str]]
    prompts: list[Prompt]  # one for each list


@dataclass(frozen=True)
class DistinctPairs:
    """n pairs, m of which can be scored, and u distinct ordered pairs among these."""

    status: Statuses  # null, blank, else ok
    rows: Rows  # (m,) indices of the pairs to score
    codes: Rows  # (m,) indices of these in `pairs`
    pairs: PairTexts  # u


def distinct_texts(
    texts1: pd.Series[Any], texts2: pd.Series[Any], prompts: tuple[Prompt, Prompt]
) -> DistinctTexts:
    """Find the pairs with null or blank texts, and the distinct texts of the other pairs."""
    status, rows, first, second = _usable(texts1, texts2)
    if prompts[0] == prompts[1] and not (_constant(first) or _constant(second)):
        codes, both = _distinct(np.concatenate([first, second]))
        i, j = codes[: len(rows)], codes[len(rows) :]
        return DistinctTexts(status, rows, i, j, [both], [prompts[0]])
    i, distinct1 = _distinct(first)
    j, distinct2 = _distinct(second)
    return DistinctTexts(status, rows, i, j, [distinct1, distinct2], list(prompts))


def distinct_pairs(texts1: pd.Series[Any], texts2: pd.Series[Any]) -> DistinctPairs:
    """Find the pairs with null or blank texts, and the distinct ordered pairs among the others."""
    status, rows, first, second = _usable(texts1, texts2)
    i, firsts = _distinct(first)
    j, seconds = _distinct(second)
    found, codes = np.unique(i * max(len(seconds), 1) + j, return_inverse=True)
    each = PairTexts(firsts, seconds, found // max(len(seconds), 1), found % max(len(seconds), 1))
    return DistinctPairs(status, rows, codes.reshape(-1), each)


def _usable(texts1: pd.Series[Any], texts2: pd.Series[Any]) -> tuple[Statuses, Rows, Texts, Texts]:
    """Return statuses (n,), and the indices and texts of the m pairs that can be scored."""
    null = (texts1.isna() | texts2.isna()).to_numpy()
    first, second = texts1.to_numpy(dtype=object), texts2.to_numpy(dtype=object)
    rows = np.flatnonzero(~null)
    filled = [bool(a.strip() and b.strip()) for a, b in zip(first[rows], second[rows], strict=True)]
    status = np.where(null, NULL, OK).astype(object)
    if not all(filled):
        status[rows[~np.array(filled)]] = BLANK
        rows = rows[np.array(filled)]
    return status, rows, first[rows], second[rows]


def _constant(texts: Texts) -> bool:
    """Return whether there are several texts, and all are the same."""
    return len(texts) > 1 and bool((texts == texts[0]).all())


def _distinct(texts: Texts) -> tuple[Rows, list[str]]:
    """Return each text's index among the distinct ones, (n,), and these in order of appearance.

    Uses Python's equality, because pd.factorize reads a text only up to its first NUL character.
    """
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    return np.array(codes, np.int64), list(places)
