"""Pooling by offsets is sentence-transformers' pooling of padded states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sentence_transformers.sentence_transformer.modules import (
    CNN,
    Dense,
    Normalize,
    Pooling,
    WordWeights,
)

from semscore.udfs.backends.flat.pooling import FlatPooling, padded

HIDDEN = 6
LENGTHS = (3, 1, 5, 5, 2)
OFFSETS = torch.tensor([0, 3, 4, 9, 14, 16]).int()
PLACES = torch.cat([torch.arange(length) for length in LENGTHS])


@pytest.fixture
def states() -> torch.Tensor:
    torch.manual_seed(2)
    return torch.randn(sum(LENGTHS), HIDDEN)


def mask_of(left: bool) -> torch.Tensor:
    width = max(LENGTHS)
    rows = [[1] * length + [0] * (width - length) for length in LENGTHS]
    return torch.tensor([row[::-1] if left else row for row in rows])


@pytest.mark.parametrize("mode", [*Pooling.POOLING_MODES, ("mean", "cls"), ("max", "weightedmean")])
@pytest.mark.parametrize("left", [False, True])
def test_poolings_are_the_same(states: torch.Tensor, mode: Any, left: bool) -> None:
    pooling, mask = Pooling(HIDDEN, mode), mask_of(left)
    features = {"token_embeddings": padded(states, mask), "attention_mask": mask}
    expected = pooling(features)["sentence_embedding"]
    flat = FlatPooling.of([None, pooling])
    assert flat is not None
    torch.testing.assert_close(flat(states, PLACES, OFFSETS), expected)


@pytest.mark.parametrize("mode", Pooling.POOLING_MODES)
def test_a_text_is_pooled_alone(states: torch.Tensor, mode: Any) -> None:
    """Bit by bit: what is not finite, or large, in other texts does not matter."""
    flat = FlatPooling.of([None, Pooling(HIDDEN, mode)])
    assert flat is not None
    alone = flat(states[4:9], PLACES[4:9], torch.tensor([0, 5]).int())
    states[9:] = float("nan")
    states[:4] = 1e30
    assert torch.equal(flat(states, PLACES, OFFSETS)[2:3], alone)


def test_half_precision_is_summed_in_float32() -> None:
    flat = FlatPooling.of([None, Pooling(1, "mean")])
    assert flat is not None
    states = torch.cat([torch.full((1, 1), 2048.0), torch.ones(2047, 1)]).half()
    found = flat(states, torch.arange(2048), torch.tensor([0, 2048]).int())
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(4095 / 2048)


@pytest.mark.parametrize(
    ("modules", "pooled"),
    [
        ([Pooling(HIDDEN)], True),
        ([Pooling(HIDDEN), Dense(HIDDEN, 3), Normalize()], True),
        ([Pooling(HIDDEN), Dense(HIDDEN, 3, module_input_name="token_embeddings")], False),
        ([CNN(HIDDEN), Pooling(HIDDEN)], False),
        ([WordWeights(["a"], {"a": 1.0}), Pooling(HIDDEN)], False),
        ([Pooling(HIDDEN), CNN(HIDDEN)], False),
        ([], False),
    ],
)
def test_what_it_does_not_know_gets_padded_states(modules: list[Any], pooled: bool) -> None:
    assert (FlatPooling.of([None, *modules]) is not None) == pooled


@pytest.mark.parametrize("left", [False, True])
def test_states_are_padded_to_a_mask(states: torch.Tensor, left: bool) -> None:
    states[0] = float("nan")  # stays in its text
    mask = mask_of(left)
    found = padded(states, mask)
    assert found.shape == (len(LENGTHS), max(LENGTHS), HIDDEN)
    torch.testing.assert_close(found[mask.bool()], states, equal_nan=True)
    assert (found[~mask.bool()] == 0).all()
