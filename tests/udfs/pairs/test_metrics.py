"""The metrics, as computed by hand and as sentence-transformers has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch

from semscore.udfs.backends.features import DeviceVectors
from semscore.udfs.backends.protocol import Vectors
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.recipe import Metric

METRICS: tuple[Metric, ...] = get_args(Metric)
THEIRS = METRICS  # those that sentence-transformers has too

A_TO_B = np.array([[3, 4], [4, 3], [-3, -4], [0, 0], [1, np.nan], [1, np.inf]], np.float32)


def on_device(vectors: np.ndarray) -> DeviceVectors:
    """As on a GPU: the same operations in torch."""
    device = DeviceVectors(*vectors.shape, torch.device("cpu"))
    device[np.arange(len(vectors))] = torch.from_numpy(vectors)
    return device


@pytest.fixture(params=["numpy", "torch"])
def kept(request: pytest.FixtureRequest) -> Callable[[np.ndarray], Vectors]:
    """Puts vectors where a backend keeps them."""
    return on_device if request.param == "torch" else lambda vectors: vectors


def compared(vectors: Vectors, i: list[int], j: list[int], metric: Metric) -> list[float]:
    return compare(vectors, np.array(i), vectors, np.array(j), metric).tolist()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("cosine", [1, 0.96, -1]),
        ("dot", [25, 24, -25]),
        ("euclidean", [0, -math.sqrt(2), -10]),
        ("manhattan", [0, -2, -14]),
    ],
)
def test_metrics_are_as_computed_by_hand(
    kept: Callable[..., Vectors], metric: Metric, expected: list[float]
) -> None:
    assert compared(kept(A_TO_B), [0, 0, 0], [0, 1, 2], metric) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("metric", METRICS)
def test_zero_and_non_finite_vectors_have_no_score(
    kept: Callable[..., Vectors], metric: Metric
) -> None:
    assert np.isnan(compared(kept(A_TO_B), [0, 3, 4, 5, 3], [3, 0, 0, 0, 3], metric)).all()


@pytest.mark.parametrize("metric", METRICS)
def test_comparing_nothing_gives_nothing(kept: Callable[..., Vectors], metric: Metric) -> None:
    empty = np.array([], dtype=np.int64)
    vectors = kept(np.zeros((0, 3), np.float32))
    assert compare(vectors, empty, vectors, empty, metric).tolist() == []


def test_two_sets_of_vectors_can_be_compared() -> None:
    found = compare(A_TO_B[:1], np.array([0, 0]), A_TO_B[1:], np.array([0, 1]), "dot")
    assert found.tolist() == [24, -25]


def test_a_score_beyond_float32_is_infinite() -> None:
    huge = np.full((1, 2), 3e38, dtype=np.float32)
    assert np.isinf(compared(huge, [0], [0], "dot")).all()


def test_tiny_and_huge_vectors_keep_their_cosine() -> None:
    vectors = np.array([[1e-30, 1e-30], [1e30, 1e30], [1e-30, 0]], dtype=np.float32)
    assert compared(vectors, [0, 0], [1, 2], "cosine") == pytest.approx(
        [1, math.sqrt(0.5)], rel=1e-6
    )


@pytest.mark.parametrize("metric", THEIRS)
def test_metrics_agree_with_those_of_sentence_transformers(
    kept: Callable[..., Vectors], metric: Metric
) -> None:
    from sentence_transformers import SimilarityFunction

    vectors = np.random.default_rng(7).normal(size=(5000, 48)).astype(np.float32)
    i, j = np.arange(2500), np.arange(2500, 5000)
    theirs = SimilarityFunction.to_similarity_pairwise_fn(metric)(vectors[i], vectors[j])
    ours = compare(kept(vectors), i, kept(vectors), j, metric)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6)
