"""Batches of texts of similar length, within a budget of padded tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def batches(
    lengths: NDArray[np.int64], token_budget: int, max_texts: int | None, stretch: float
) -> Iterator[NDArray[np.int64]]:
    """Divide texts into batches, the longest texts first: (n,) lengths -> index arrays.

    Every index occurs exactly once. The number of texts in a batch times the length of the longest
    one is at most `token_budget`. A text that exceeds the budget alone gets a batch of its own. No
    text is padded to more than `stretch` times its length; with 1, only texts of equal length share
    a batch. The longest texts come first so that memory use peaks at once, not after hours.
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
