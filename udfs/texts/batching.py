"""Token lengths to batches: neighbours in length together, under a budget of padded tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def batches(
    lengths: NDArray[np.int64], token_budget: int, max_texts: int | None, stretch: float
) -> Iterator[NDArray[np.int64]]:
    """Cut texts into batches, the longest texts first: (n,) lengths -> index arrays.

    Every index comes exactly once. A batch's texts times its longest text stay within
    `token_budget`; a text that exceeds it alone makes a batch of its own. No text is padded to
    more than `stretch` times its length; 1: only texts of one length share a batch. The longest
    come first so that memory peaks at once, not after hours.
    """
    order = np.argsort(-lengths, kind="stable")
    descending = np.maximum(lengths[order], 1)
    start = 0
    while start < len(order):
        longest = descending[start]
        size = max(token_budget // int(longest), 1)
        if max_texts is not None:
            size = min(size, max_texts)
        batch = descending[start : start + size]
        size = int(np.searchsorted(-batch, -longest / stretch, side="right"))
        yield order[start : start + size]
        start += size
