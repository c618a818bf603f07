"""The widths to which texts are padded. They are few, because OpenVINO compiles code for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rounded_up(lengths: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """Round lengths up to one of `steps` values between each power of two and the next: (n,)."""
    size = 2.0 ** np.floor(np.log2(np.maximum(lengths, 1)))
    step = np.maximum(size / steps, 1)
    rounded: NDArray[np.int64] = (np.ceil(lengths / step) * step).astype(np.int64)
    return rounded
