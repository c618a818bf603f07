"""Models whose vectors depend on other texts are found, and run so that they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from semscore.udfs.proofs.neighbours import (
    DependsOnOthers,
    batching_of,
    proof_texts,
    proof_tokens,
)

TEXTS = proof_texts(["aa", "bb", "cc"], 60, lambda text: len(text.split()))
ORIGINALLY = "original_max_position_embeddings"
ORIGINAL = 30  # characters up to which the models below rescale nothing


def test_texts_are_short_below_and_beyond_the_limit() -> None:
    texts = proof_texts(["one", "seven"], 40, len, between="")  # a token is a character
    assert [len(text) for text in texts] == [3, 27, 160]
    assert [len(text.split()) for text in TEXTS] == [1, 45, 60]


def vectors(texts: Sequence[str], scales: Sequence[float]) -> np.ndarray:
    sizes = [(len(text), text.count("a")) for text in texts]
    rows = zip(sizes, scales, strict=True)
    return np.array([[size, count * scale] for (size, count), scale in rows], np.float32)


def plain(texts: Sequence[str]) -> np.ndarray:
    return vectors(texts, [1.0] * len(texts))


def by_the_longest(texts: Sequence[str]) -> np.ndarray:
    """As longrope: one scale for a batch."""
    scale = 2.0 if max(map(len, texts)) > ORIGINAL else 1.0
    return vectors(texts, [scale] * len(texts))


class ByTheLongestSoFar:
    """As dynamic scaling: keeps the longest; a short text resets it, if `forgets`."""

    def __init__(self, forgets: bool) -> None:
        self.forgets, self.longest = forgets, 0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        size = max(map(len, texts))
        self.longest = size if self.forgets and size <= ORIGINAL else max(self.longest, size)
        scale = max(self.longest / ORIGINAL, 1.0)
        return vectors(texts, [scale] * len(texts))


def test_a_model_that_minds_no_neighbours_takes_any_batch() -> None:
    assert batching_of(plain, TEXTS) == "together"


def test_rounding_is_no_dependence() -> None:
    rng = np.random.default_rng(1)

    def rounds(texts: Sequence[str]) -> np.ndarray:
        return plain(texts) * (1 + 1e-6 * rng.standard_normal((len(texts), 1)))

    assert batching_of(rounds, TEXTS) == "together"


def test_a_batch_that_rescales_all_its_texts_is_a_batch_of_one() -> None:
    assert batching_of(by_the_longest, TEXTS) == "alone"


def test_a_model_that_remembers_is_reset_by_a_short_text() -> None:
    assert batching_of(ByTheLongestSoFar(forgets=True), TEXTS) == "reset"


def test_a_model_that_never_forgets_is_refused() -> None:
    with pytest.raises(DependsOnOthers, match="depends on the texts embedded before it"):
        batching_of(ByTheLongestSoFar(forgets=False), TEXTS)


def test_vectors_that_are_not_finite_are_alike_wherever_they_come() -> None:
    assert batching_of(lambda texts: plain(texts) * np.nan, TEXTS) == "together"


@pytest.mark.parametrize(
    ("limit", "config", "tokens"),
    [
        (128, {}, 128),
        (None, {}, 512),
        (8192, {}, 512),
        (8192, {"rope_parameters": {"rope_type": "default"}}, 512),
        (131_072, {"rope_scaling": {"type": "longrope"}, ORIGINALLY: 4096}, 8192),
        (6000, {"rope_parameters": {"rope_type": "yarn", ORIGINALLY: 4096}}, 6000),
        (8192, {"rope_scaling": {"rope_type": "dynamic"}, "max_position_embeddings": 2048}, 4096),
        (1_000_000, {ORIGINALLY: 65_536}, 16_384),
    ],
)
def test_texts_reach_beyond_the_length_from_which_positions_are_rescaled(
    limit: int | None, config: dict[str, object], tokens: int
) -> None:
    assert proof_tokens(limit, config) == tokens
