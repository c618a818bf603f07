"""The interface of scorers: from n pairs of texts to scores and statuses, with one loaded model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows
from semscore.udfs.meters import Meters
from semscore.udfs.pairs.layout import Statuses
from semscore.udfs.statuses import ERROR, TRUNCATED


@dataclass(frozen=True)
class Scores:
    """The results of n pairs, and what was run for them."""

    score: NDArray[np.float32]  # (n,), NaN where the pair is not scored
    status: Statuses
    items: int  # texts of the pairs that can be scored, or these pairs if the model takes pairs
    token_lengths: NDArray[np.int64]  # (k,) of the distinct items that the model was run on


class Scorer(Protocol):
    """A way to score pairs. There is one for each kind of model.

    The status is the first of these that applies: `null` (a text is null), `blank` (a text is empty
    or white space), `error` (the model failed on a text or pair alone, or gave a zero or non-finite
    vector), `truncated` (only the beginning of a text was read), `ok`. Only the last two have a
    score.
    """

    @property
    def bounded(self) -> bool:
        """Return whether all scores lie between -1 and 1."""

    def prepare(self, texts1: pd.Series[Any], texts2: pd.Series[Any], meters: Meters) -> Any:
        """Lay out and tokenise n pairs. Can run at the same time as `score`, in another thread."""

    def score(self, prepared: Any, meters: Meters) -> Scores:
        """Score n pairs that were prepared. Adds seconds and tokens to `meters`."""


def scored(
    status: Statuses,
    rows: Rows,
    values: NDArray[np.float32],
    truncated: NDArray[np.bool_],
    failed: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], Statuses]:
    """Return scores and statuses of n pairs, given the values of the m pairs that can be scored.

    `rows`, `values`, `truncated` and `failed` are (m,). A value that is not finite is an error.
    """
    bad = failed | ~np.isfinite(values)
    score = np.full(len(status), np.nan, dtype=np.float32)
    score[rows] = np.where(bad, np.nan, values)
    status = status.copy()
    status[rows[truncated]] = TRUNCATED
    status[rows[bad]] = ERROR
    return score, status
