"""Pairs are scored as CrossEncoder.predict scores them, whatever the architecture and backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer

from semscore.udfs.backends.flat import gpu
from semscore.udfs.backends.flat.forward import FlatBackend
from semscore.udfs.backends.flat.gpu import GpuFlatBackend
from semscore.udfs.backends.openvino.convert import convert
from semscore.udfs.backends.openvino.converted import REASON
from semscore.udfs.backends.openvino.forward import OpenVinoBackend, has_bfloat16
from semscore.udfs.backends.openvino.quantize import quantize
from semscore.udfs.backends.pair_reader import PairReader
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.proving.prove import load
from semscore.udfs.backends.torch import GPU_STRETCH, TorchBackend
from semscore.udfs.models.fitted import checked
from semscore.udfs.pairs.registry import scorer_of
from semscore.udfs.recipe import Prompt, Recipe
from semscore.udfs.texts.encoder import Encoder
from tests.services.cross_encoders import BUILDS, build
from tests.services.scoring import scores_of
from tests.services.varlen import varlen_on_cpu

Pairs = list[tuple[str, str]]

# Those for which only the model itself can tokenise
NOT_READ = ("left_truncation", "language_model")
UNCONVERTED = {
    "left_truncation": "only its own code can tokenise texts for it",
    "language_model": "only its own code can tokenise texts for it",
}
CONVERTED = [name for name in BUILDS if name not in UNCONVERTED]


@pytest.fixture(scope="module")
def folder_of(
    tmp_path_factory: pytest.TempPathFactory,
    wordpiece: Tokenizer,
    byte_level_bpe: Tokenizer,
    unigram: Tokenizer,
) -> Callable[[str], Path]:
    tokenizers = {"wordpiece": wordpiece, "byte_level_bpe": byte_level_bpe, "unigram": unigram}
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = build(name, tmp_path_factory.mktemp(name), tokenizers)
        return made[name]

    return folder


@pytest.fixture(scope="module")
def pairs(odd_texts: list[str]) -> Pairs:
    """Pairs of odd texts in both orders, of equal ones, and of lengths around the limits."""
    half, full = "a mat " * 11, "the cat sat " * 30
    beside = [*odd_texts[1:], odd_texts[0]]
    found = [*zip(odd_texts, beside, strict=True), *zip(beside[:9], odd_texts[:9], strict=True)]
    found += [(full, full + "on"), (full + "on", full), (full, "cat"), ("cat", full), (half, half)]
    return [pair for pair in found if all(text.strip() for text in pair)]


def recipe_of(folder: Path, **options: Any) -> Recipe:
    labels = {"label": "entailment"} if "three_labels" in str(folder) else {}
    return checked(Recipe(model=str(folder), **labels, **options), folder)


def scored(backend: Any, recipe: Recipe, pairs: Pairs, budget: int = 700) -> Any:
    scorer = scorer_of(Encoder(backend, budget, None), recipe, Path(recipe.model))
    first, second = (pd.Series([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
    return scores_of(scorer, first, second)


def theirs_of(folder: Path, **options: Any) -> CrossEncoder:
    options = {"model_kwargs": {"dtype": torch.float32}, **options}
    return CrossEncoder(str(folder), device="cpu", local_files_only=True, **options)


def predicted(model: CrossEncoder, pairs: Pairs, **options: Any) -> Any:
    found = model.predict(pairs, apply_softmax=True, **options)
    return found[:, 1] if found.ndim > 1 else found


def logits(model: CrossEncoder, pairs: Pairs) -> Any:
    found = model.predict(pairs, activation_fn=torch.nn.Identity())
    return np.abs(found if found.ndim == 1 else found.max(axis=1))


def assert_near(found: Any, expected: Any, size: Any = 1.0) -> None:
    """Within predict's own differences between batch sizes; and pairs tell themselves apart."""
    assert (np.abs(found - expected) <= 1e-6 + 1e-5 * np.maximum(1, size)).all()
    assert np.abs(np.roll(found, 1) - expected).max() > 1e-3


def assert_close(found: Any, expected: Any, bound: float) -> None:
    assert np.abs(found - expected).max() < bound
    assert np.corrcoef(found, expected)[0, 1] > 0.99


@pytest.mark.parametrize("name", BUILDS)
def test_scores_are_those_of_predict(
    folder_of: Callable[[str], Path], pairs: Pairs, name: str
) -> None:
    folder = folder_of(name)
    recipe = recipe_of(folder)
    backend = TorchBackend(folder, recipe, "cpu")
    backend.stretch = GPU_STRETCH
    assert (backend.reader is None) == (name in NOT_READ)
    found, theirs = scored(backend, recipe, pairs), theirs_of(folder)
    if name == "roberta":  # predict fails on texts that are longer than the positions
        theirs.max_seq_length = 64
    assert_near(found.score, predicted(theirs, pairs), logits(theirs, pairs))
    whole: Any = {"text": {"truncation": False, "max_length": None}}
    for pair, status in zip(pairs, found.status, strict=True):
        features = theirs.preprocess([pair], prompt=default(theirs), processing_kwargs=whole)
        longer = features["input_ids"].shape[1] > theirs.max_seq_length
        assert status == ("truncated" if longer else "ok"), pair


def default(model: CrossEncoder) -> str | None:
    return model.prompts.get(model.default_prompt_name or "")


@pytest.fixture(scope="module")
def converted(
    folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def place(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("converted") / name
            folder = folder_of(name)
            convert(load(folder, "cross-encoder"), folder, "cross-encoder", made[name])
        return made[name]

    return place


@pytest.mark.parametrize("name", CONVERTED)
def test_openvino_gives_the_same_scores(
    folder_of: Callable[[str], Path], converted: Callable[[str], Path], pairs: Pairs, name: str
) -> None:
    folder, place = folder_of(name), converted(name)
    assert not (place / REASON).exists(), (place / REASON).read_text()
    recipe = recipe_of(folder)
    backend = OpenVinoBackend(place, recipe, 1)
    assert isinstance(backend.reader, PairReader)
    found, theirs = scored(backend, recipe, pairs), theirs_of(folder)
    if name == "roberta":
        theirs.max_seq_length = 64
    assert_near(found.score, predicted(theirs, pairs), logits(theirs, pairs))
    torch_too = scored(TorchBackend(folder, recipe, "cpu"), recipe, pairs)
    assert found.status.tolist() == torch_too.status.tolist()


# What the layers of these see cannot be told apart by texts: see FlatTransformer.
PADDED = {
    "deberta_v2": "its attention cannot be replaced",
    "mpnet": "its attention cannot be replaced",
    **UNCONVERTED,
}


@pytest.mark.parametrize("name", [name for name in BUILDS if name not in PADDED])
def test_scores_without_padding_are_the_same(
    folder_of: Callable[[str], Path], pairs: Pairs, name: str
) -> None:
    folder = folder_of(name)
    recipe = recipe_of(folder)
    found, theirs = scored(FlatBackend(folder, recipe), recipe, pairs), theirs_of(folder)
    if name == "roberta":
        theirs.max_seq_length = 64
    assert_near(found.score, predicted(theirs, pairs), logits(theirs, pairs))
    half = recipe_of(folder, precision="bfloat16")
    assert_close(scored(FlatBackend(folder, half), half, pairs).score, found.score, 0.1)


@pytest.mark.parametrize("name", [name for name in BUILDS if name not in PADDED])
def test_scores_without_padding_on_gpus_are_the_same(
    folder_of: Callable[[str], Path], pairs: Pairs, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU, with a stand-in for the kernel, and passes that are replayed by running them."""
    monkeypatch.setattr(gpu, "recorder", lambda _: lambda run: run)
    monkeypatch.setattr(gpu, "launch_bound", lambda *_: 10_000)
    folder = folder_of(name)
    recipe, half = recipe_of(folder), recipe_of(folder, precision="bfloat16")
    found, theirs = scored(GpuFlatBackend(folder, recipe, "cpu"), recipe, pairs), theirs_of(folder)
    if name == "roberta":
        theirs.max_seq_length = 64
    assert_near(found.score, predicted(theirs, pairs), logits(theirs, pairs))
    monkeypatch.setattr(gpu, "varlen_kernel", lambda *_: varlen_on_cpu)
    # The weights are random, and so are the differences: a kernel that works can exceed twice them.
    monkeypatch.setattr(gpu, "FACTOR", 8.0)
    backend = GpuFlatBackend(folder, half, "cpu")
    assert backend._kernel is not None and backend._graphs is not None
    for _ in range(5):
        assert_close(scored(backend, half, pairs).score, found.score, 0.1)
    assert backend._graphs._replays


@pytest.mark.parametrize("name", PADDED)
def test_what_must_be_padded_says_why(folder_of: Callable[[str], Path], name: str) -> None:
    folder = folder_of(name)
    with pytest.raises(NotConvertible, match=PADDED[name]):
        FlatBackend(folder, recipe_of(folder))


@pytest.mark.parametrize("name", UNCONVERTED)
def test_what_openvino_cannot_run_says_why(converted: Callable[[str], Path], name: str) -> None:
    assert (converted(name) / REASON).read_text() == UNCONVERTED[name]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, {"prompt_name": "web"}),
        ({"prompt1": ""}, {"prompt": ""}),
        ({"prompt1": "in books: "}, {"prompt": "in books: "}),
        ({"role1": "mail"}, {"prompt_name": "mail"}),
    ],
)
def test_a_prompt_is_put_before_the_first_text_only(
    folder_of: Callable[[str], Path], pairs: Pairs, options: Any, asked: Any
) -> None:
    folder = folder_of("prompts")
    recipe = recipe_of(folder, **options)
    found = scored(TorchBackend(folder, recipe, "cpu"), recipe, pairs)
    theirs = theirs_of(folder)
    assert_near(found.score, predicted(theirs, pairs, **asked), logits(theirs, pairs))


@pytest.mark.parametrize("limit", [8, 9])
def test_a_limit_is_that_of_the_pair(
    folder_of: Callable[[str], Path], converted: Callable[[str], Path], pairs: Pairs, limit: int
) -> None:
    folder = folder_of("bert")
    recipe = recipe_of(folder, max_seq_length=limit)
    theirs = theirs_of(folder, max_length=limit)
    for backend in (
        TorchBackend(folder, recipe, "cpu"),
        OpenVinoBackend(converted("bert"), recipe, 1),
    ):
        found = scored(backend, recipe, pairs)
        assert_near(found.score, predicted(theirs, pairs), logits(theirs, pairs))


@pytest.mark.parametrize("name", ["bert", "xlm_roberta", "qwen3", "modernbert"])
def test_half_precision_is_near(folder_of: Callable[[str], Path], pairs: Pairs, name: str) -> None:
    folder = folder_of(name)
    recipe = recipe_of(folder, precision="bfloat16")
    found = scored(TorchBackend(folder, recipe, "cpu"), recipe, pairs).score
    assert_close(found, predicted(theirs_of(folder), pairs), 0.1)


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no bfloat16")
@pytest.mark.parametrize("name", CONVERTED)
def test_openvino_in_half_precision_is_near(
    folder_of: Callable[[str], Path], converted: Callable[[str], Path], pairs: Pairs, name: str
) -> None:
    folder, place = folder_of(name), converted(name)
    exact, half = recipe_of(folder), recipe_of(folder, precision="bfloat16")
    found = scored(OpenVinoBackend(place, half, 1), half, pairs).score
    expected = scored(OpenVinoBackend(place, exact, 1), exact, pairs).score
    assert_close(found, expected, 0.1)
    assert (found != expected).any()


@pytest.mark.parametrize("name", ["bert", "xlm_roberta", "deberta_v2", "modernbert", "qwen3"])
def test_int8_is_near(
    folder_of: Callable[[str], Path],
    converted: Callable[[str], Path],
    pairs: Pairs,
    tmp_path: Path,
    name: str,
) -> None:
    folder, place = folder_of(name), converted(name)
    quantize(place, pairs, Prompt(), tmp_path / "int8")
    recipe = recipe_of(folder)
    found = scored(OpenVinoBackend(tmp_path / "int8", recipe, 1), recipe, pairs).score
    expected = scored(OpenVinoBackend(place, recipe, 1), recipe, pairs).score
    assert 0 < np.abs(found - expected).mean() < 0.03
    assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_neighbours_and_order_do_not_matter(
    folder_of: Callable[[str], Path], converted: Callable[[str], Path], pairs: Pairs
) -> None:
    folder = folder_of("bert")
    recipe = recipe_of(folder)
    backends = [
        FlatBackend(folder, recipe),
        TorchBackend(folder, recipe, "cpu"),
        OpenVinoBackend(converted("bert"), recipe, 1),
    ]
    alone = {
        (number, pair): scored(backend, recipe, [pair]).score[0]
        for number, backend in enumerate(backends)
        for pair in pairs
    }

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        places=st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=40),
        budget=st.integers(20, 2_000),
    )
    def same(places: Sequence[int], budget: int) -> None:
        chosen = [pairs[place] for place in places]
        for number, backend in enumerate(backends):
            found = scored(backend, recipe, chosen, budget).score
            expected = np.array([alone[number, pair] for pair in chosen])
            assert np.abs(found - expected).max() <= (0 if number == 0 else 2e-6)  # flat: exact

    same()


def test_each_ordered_pair_is_run_once(folder_of: Callable[[str], Path]) -> None:
    folder = folder_of("bert")
    recipe = recipe_of(folder)
    pairs = [("a", "b"), ("b", "a"), ("a", "b"), ("a", " "), ("a", "b c")]
    found = scored(TorchBackend(folder, recipe, "cpu"), recipe, pairs)
    assert found.status.tolist() == ["ok", "ok", "ok", "blank", "ok"]
    assert found.score[0] == found.score[2] != found.score[1]
    assert (found.items, len(found.token_lengths)) == (4, 3)


def test_a_head_without_weights_is_refused(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    from safetensors.numpy import load_file, save_file

    from semscore.udfs.backends.proving.outline import check_head
    from semscore.udfs.errors import ModelError

    shutil.copytree(folder_of("roberta"), tmp_path / "model")
    check_head(tmp_path / "model")
    weights = load_file(tmp_path / "model/model.safetensors")
    del weights["classifier.out_proj.weight"]
    save_file(weights, tmp_path / "model/model.safetensors")
    with pytest.raises(ModelError, match=r"its weights lack classifier\.out_proj\.weight, which"):
        check_head(tmp_path / "model")
