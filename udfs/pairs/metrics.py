"""The similarity of two vectors, by one of the metrics, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows, Vectors
from semscore.udfs.recipe import Metric

CHUNK = 2048  # pairs compared at a time, so that the float64 copies stay small

# float64, (n, dim) or (n,), a NumPy array or a torch tensor: only operations that both have.
Doubles: TypeAlias = Any


def compare(first: Vectors, i: Rows, second: Vectors, j: Rows, metric: Metric) -> NDArray[Any]:
    """Return the similarity of first[i] and second[j], row by row: (n,), (n,) -> (n,) float32.

    The results are those of sentence-transformers' similarity functions, where it has the metric.
    They are summed in float64 on the device that holds the vectors, so a GPU transfers only one
    float per pair. NaN where a vector is zero or not finite.
    """
    chunks = [slice(start, start + CHUNK) for start in range(0, max(len(i), 1), CHUNK)]
    parts = [_compare(_double(first[i[c]]), _double(second[j[c]]), metric) for c in chunks]
    values = _join(parts)
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _compare(a: Doubles, b: Doubles, metric: Metric) -> Doubles:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        norms_a, norms_b = _dot(a, a), _dot(b, b)
        values = _METRICS[metric](a, b, norms_a * norms_b)
    infinity = float("inf")
    usable = (norms_a > 0) & (norms_a < infinity) & (norms_b > 0) & (norms_b < infinity)
    values[~usable] = float("nan")
    return values


def _dot(a: Doubles, b: Doubles) -> Doubles:
    return (a * b).sum(axis=1)


_METRICS: dict[Metric, Callable[[Doubles, Doubles, Doubles], Doubles]] = {
    "cosine": lambda a, b, squares: (_dot(a, b) / squares**0.5).clip(-1, 1),
    "dot": lambda a, b, _: _dot(a, b),
    "euclidean": lambda a, b, _: -(((a - b) ** 2).sum(axis=1) ** 0.5),
    "manhattan": lambda a, b, _: -abs(a - b).sum(axis=1),
}


def _double(vectors: Any) -> Doubles:
    return vectors.astype(np.float64) if isinstance(vectors, np.ndarray) else vectors.double()


def _join(parts: list[Doubles]) -> NDArray[np.float64]:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import torch

    joined: NDArray[np.float64] = torch.cat(parts).cpu().numpy()
    return joined
