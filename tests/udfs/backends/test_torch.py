"""The forward pass gives what SentenceTransformer.encode gives, however the texts are batched."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer, SimilarityFunction, util

from semscore.udfs.backends.prompts import Prompts
from semscore.udfs.backends.torch import GPU_STRETCH, TorchBackend
from semscore.udfs.models.fetch import check_model
from semscore.udfs.recipe import Metric, Prompt, Recipe
from semscore.udfs.texts.encoder import Embedded, Encoder
from tests.services.scoring import score_pairs

MakeModel = Callable[[str], Path]
Pairs = list[tuple[str | None, str | None]]

# Those whose tokens are read outside of the model, by tokens.tokenize.
READ = (
    "distilbert_with_dense",
    "bert_with_cls",
    "bert_with_many_poolings",
    "roberta",
    "roberta_with_its_own_limit",
    "xlm_roberta",
    "mpnet",
    "modernbert",
    "t5_without_a_limit",
    "decoder_with_left_padding",
    "prompts",
    "prompts_left_out_of_the_pooling",
    "prompts_left_out_with_left_padding",
    "truncated_dimensions",
    "bare_transformer",
    "layout_of_old",
    "limit_of_its_own",
    "split_special_tokens",
    "flagged_tokens",
    "static_embedding",
    "static_embedding_that_cuts",
)
UNBOUNDED = ("t5_without_a_limit", "processing_of_its_own")  # too slow in long texts
# Those that only the model itself can tokenise for.
NOT_READ = ("left_truncation", "processing_of_its_own", "router", "word_embeddings")


def backend_of(folder: Path, **recipe: Any) -> TorchBackend:
    """On the CPU, but padding as on a GPU."""
    backend = TorchBackend(folder, Recipe(model=str(folder), **recipe), "cpu")
    assert backend.stretch == 1
    backend.stretch = GPU_STRETCH
    return backend


def theirs_of(folder: Path, **options: Any) -> SentenceTransformer:
    options = {"model_kwargs": {"dtype": torch.float32}, **options}
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, **options)


def encoded(
    backend: TorchBackend, texts: Sequence[str], prompt: str | None = None, budget: int = 700
) -> Embedded:
    found = Encoder(backend, budget, None).encode(texts, Prompt(prompt))
    assert not found.failed.any()
    return found


def assert_same_vectors(found: NDArray[np.float32], theirs: Any, tolerance: float = 1e-5) -> None:
    """Equal within `tolerance` of the largest figure; and unlike enough to notice a shuffle."""
    assert found.shape == theirs.shape
    assert np.abs(found - theirs).max() <= tolerance * np.abs(theirs).max()
    assert np.abs(np.roll(found, 1, axis=0) - theirs).max() > 0.1 * np.abs(theirs).max()


# -- the zoo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*READ, *NOT_READ])
def test_vectors_are_those_of_sentence_transformers(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    folder = zoo(name)
    check_model(folder)
    texts = [text for text in odd_texts if len(text) < 1000 or name not in UNBOUNDED]
    random.Random(name).shuffle(texts)
    backend, theirs = backend_of(folder), theirs_of(folder)
    found = encoded(backend, texts)
    assert_same_vectors(found.vectors, theirs.encode(texts))
    assert backend.dim == found.vectors.shape[1]
    assert found.vectors.dtype == np.float32


@pytest.mark.parametrize("name", READ)
def test_tokens_of_ordinary_models_are_read_outside_of_them(zoo: MakeModel, name: str) -> None:
    assert backend_of(zoo(name)).reader is not None


@pytest.mark.parametrize("name", NOT_READ)
def test_a_model_that_tokenises_in_its_own_way_is_left_to_it(zoo: MakeModel, name: str) -> None:
    assert backend_of(zoo(name)).reader is None


@pytest.mark.parametrize(
    "name",
    ["roberta", "xlm_roberta", "layout_of_old", "left_truncation", "decoder_with_left_padding"],
)
def test_truncation_is_told_as_the_models_tokenizer_sees_it(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    folder = zoo(name)
    found, theirs = encoded(backend_of(folder), odd_texts), theirs_of(folder)
    full = [len(theirs.tokenizer(text, truncation=False)["input_ids"]) for text in odd_texts]
    limit = theirs.max_seq_length
    assert limit is not None and max(full) > limit
    assert found.truncated.tolist() == [length > limit for length in full]
    assert found.tokens.tolist() == [min(length, limit) for length in full]


@pytest.mark.parametrize("name", ["t5_without_a_limit", "static_embedding"])
def test_without_a_limit_nothing_is_truncated(zoo: MakeModel, name: str) -> None:
    found = encoded(backend_of(zoo(name)), ["the cat " * 500, "漢"])
    assert found.truncated.tolist() == [False, False]


@pytest.mark.parametrize(
    "name",
    [
        "prompts",
        "prompts_left_out_of_the_pooling",
        "prompts_left_out_with_left_padding",
        "bare_transformer",
        "left_truncation",
        "static_embedding",
        "router",
    ],
)
@pytest.mark.parametrize("prompt", [None, "", "the query: ", "日本語 == "])
def test_prompts_count_as_in_sentence_transformers(
    zoo: MakeModel, odd_texts: list[str], name: str, prompt: str | None
) -> None:
    folder, texts = zoo(name), odd_texts[::3]
    found = encoded(backend_of(folder), texts, prompt)
    assert_same_vectors(found.vectors, theirs_of(folder).encode(texts, prompt=prompt))


def test_the_default_prompt_is_that_of_the_model(zoo: MakeModel) -> None:
    backend, texts = backend_of(zoo("prompts")), ["the cat", "a mat"]
    unset, named, none = (encoded(backend, texts, p).vectors for p in (None, "words: ", ""))
    assert unset.tolist() == named.tolist()
    assert np.abs(unset - none).max() > 0.1


def test_each_column_has_its_own_prompt(zoo: MakeModel, odd_texts: list[str]) -> None:
    folder, half = zoo("prompts"), len(odd_texts) // 2
    texts1, texts2 = odd_texts[:half], odd_texts[half : 2 * half]
    backend, theirs = backend_of(folder), theirs_of(folder)
    for prompts in ((None, "the query: "), ("the query: ", ""), ("", "")):
        found = score_pairs(
            pd.Series(texts1),
            pd.Series(texts2),
            Encoder(backend, 512, None),
            prompts=prompts,
        )
        vectors = [
            theirs.encode(texts, prompt=prompt)
            for texts, prompt in zip((texts1, texts2), prompts, strict=True)
        ]
        expected = util.pairwise_cos_sim(*vectors).numpy()
        np.testing.assert_allclose(found.score, expected, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "prompts",
        "prompts_left_out_of_the_pooling",
        "router",
        "router_behind_the_pooling",
        "roberta",
    ],
)
def test_roles_are_those_of_encode_query_and_encode_document(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    backend, theirs = backend_of(zoo(name)), theirs_of(zoo(name))
    texts = odd_texts[:30]
    for role in ("query", "document"):
        found = Encoder(backend, 512, None).encode(texts, Prompt(role=role))
        assert not found.failed.any()
        assert_same_vectors(found.vectors, getattr(theirs, f"encode_{role}")(texts))


def test_another_role_is_a_prompt_by_its_name(zoo: MakeModel, odd_texts: list[str]) -> None:
    folder = zoo("prompts")
    backend, theirs = backend_of(folder), theirs_of(folder, prompts={"title": "a title: "})
    backend.prompts = Prompts(dict(theirs.prompts), theirs.default_prompt_name)
    found = Encoder(backend, 512, None).encode(odd_texts, Prompt(role="title"))
    assert_same_vectors(found.vectors, theirs.encode(odd_texts, prompt_name="title"))


@pytest.mark.parametrize("name", ["truncated_dimensions", "bert_with_cls", "static_embedding"])
@pytest.mark.parametrize("truncate_dim", [5, 20, 1000])
def test_leading_dimensions_can_be_asked_for(
    zoo: MakeModel, odd_texts: list[str], name: str, truncate_dim: int
) -> None:
    folder, texts = zoo(name), odd_texts[:20]
    backend = backend_of(folder, truncate_dim=truncate_dim)
    found = encoded(backend, texts).vectors
    assert_same_vectors(found, theirs_of(folder).encode(texts, truncate_dim=truncate_dim))
    assert backend.dim == min(truncate_dim, 32)


@pytest.mark.parametrize("name", ["bert_with_cls", "roberta", "left_truncation"])
@pytest.mark.parametrize("max_seq_length", [3, 7, 60])
def test_the_recipe_sets_how_much_is_read(
    zoo: MakeModel, odd_texts: list[str], name: str, max_seq_length: int
) -> None:
    folder, theirs = zoo(name), theirs_of(zoo(name))
    theirs.max_seq_length = max_seq_length
    found = encoded(backend_of(folder, max_seq_length=max_seq_length), odd_texts)
    assert_same_vectors(found.vectors, theirs.encode(odd_texts))


@pytest.mark.parametrize("name", [name for name in READ if "static" not in name])
def test_a_mask_that_asks_the_gpu_nothing_changes_nothing(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    backend, texts = backend_of(zoo(name)), odd_texts[:20]
    expected = encoded(backend, texts).vectors
    with torch.inference_mode():
        backend.wide_mask = backend._takes_wide_mask()
    others = ("decoder", "modernbert", "mpnet", "prompts_left_out_with_left", "t5")
    assert backend.wide_mask == (not name.startswith(others))
    assert_same_vectors(encoded(backend, texts).vectors, expected)


def test_the_result_does_not_depend_on_the_batch(zoo: MakeModel, odd_texts: list[str]) -> None:
    for name in ("modernbert", "decoder_with_left_padding", "prompts_left_out_of_the_pooling"):
        backend = backend_of(zoo(name))
        alone = np.vstack([encoded(backend, [text]).vectors for text in odd_texts])
        for budget in (100, 5000):
            assert_same_vectors(encoded(backend, odd_texts, budget=budget).vectors, alone)


def test_a_forward_pass_leaves_its_inputs_as_they_were(zoo: MakeModel) -> None:
    for name in ("prompts", "router"):
        backend = backend_of(zoo(name))
        inputs, rows = backend.prepare(["the cat", "a mat", "漢字"], Prompt()), np.array([2, 0])
        first, second = (backend.forward(inputs, rows, Prompt()) for _ in range(2))
        assert first.tolist() == second.tolist()


def test_a_text_that_vanishes_in_tokenisation_has_no_score(zoo: MakeModel) -> None:
    encoder = Encoder(backend_of(zoo("static_embedding")), 512, None)
    found = score_pairs(pd.Series(["\u200b", "cat"]), pd.Series(["cat", "cat"]), encoder)
    assert found.status.tolist() == ["error", "ok"]


# -- precision -------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_what_needs_float32_keeps_it(zoo: MakeModel, precision: str) -> None:
    modernbert = backend_of(zoo("modernbert"), precision=precision).model
    kinds = {name: buffer.dtype for name, buffer in modernbert.named_buffers()}
    assert any("inv_freq" in name for name in kinds)  # angles of the rotary positions
    assert set(kinds.values()) == {torch.float32}
    half = getattr(torch, precision)
    assert {weight.dtype for weight in modernbert[0].parameters()} == {half}

    with_dense = backend_of(zoo("distilbert_with_dense"), precision=precision).model
    assert {weight.dtype for weight in with_dense[0].parameters()} == {half}
    assert {weight.dtype for weight in with_dense[2].parameters()} == {torch.float32}


def test_a_model_saved_in_half_precision_is_run_in_float32(
    zoo: MakeModel, odd_texts: list[str], tmp_path: Path
) -> None:
    theirs_of(zoo("bert_with_cls")).half().save_pretrained(str(tmp_path), create_model_card=False)
    backend = backend_of(tmp_path)
    assert {weight.dtype for weight in backend.model.parameters()} == {torch.float32}
    theirs = theirs_of(tmp_path).encode(odd_texts[:20])
    assert theirs.dtype == np.float32
    assert_same_vectors(encoded(backend, odd_texts[:20]).vectors, theirs)


# -- MiniLM ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm(model_folder: Path) -> TorchBackend:
    return backend_of(model_folder)


@pytest.fixture(scope="module")
def their_vectors(model_folder: Path, demo_pairs: Pairs) -> dict[str, NDArray[np.float32]]:
    """What sentence-transformers gives for each text that has a score."""
    texts = sorted({text for pair in demo_pairs for text in pair if text and text.strip()})
    return dict(zip(texts, theirs_of(model_folder).encode(texts), strict=True))


def scored(
    backend: TorchBackend, pairs: Pairs, metric: Metric = "cosine", budget: int = 2048
) -> NDArray[np.float32]:
    texts1, texts2 = (pd.Series([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
    return score_pairs(texts1, texts2, Encoder(backend, budget, None), metric).score


def scored_by_theirs(
    vectors: dict[str, NDArray[np.float32]], pairs: Pairs, metric: Metric = "cosine"
) -> NDArray[np.float32]:
    """Their score of each pair; NaN where a text is null or blank."""
    compare = SimilarityFunction.to_similarity_pairwise_fn(metric)
    found = np.full(len(pairs), np.nan, dtype=np.float32)
    rows = [i for i, pair in enumerate(pairs) if all(text and text.strip() for text in pair)]
    sides = (np.stack([vectors[pairs[i][side] or ""] for i in rows]) for side in (0, 1))
    found[rows] = compare(*sides).numpy()
    return found


def test_cosines_of_300_pairs_are_within_a_millionth(
    minilm: TorchBackend, demo_pairs: Pairs, their_vectors: dict[str, NDArray[np.float32]]
) -> None:
    assert minilm.reader is not None
    found = scored(minilm, demo_pairs)
    expected = scored_by_theirs(their_vectors, demo_pairs)
    assert np.isfinite(expected).sum() > 250
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert np.nanstd(expected) > 0.1


@pytest.mark.parametrize("budget", [256, 700, 16384])
def test_cosines_depend_on_neither_budget_nor_order(
    minilm: TorchBackend,
    demo_pairs: Pairs,
    their_vectors: dict[str, NDArray[np.float32]],
    budget: int,
) -> None:
    pairs = random.Random(budget).sample(demo_pairs, 40)
    found = scored(minilm, pairs, budget=budget)
    np.testing.assert_allclose(found, scored_by_theirs(their_vectors, pairs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("metric", ["dot", "euclidean", "manhattan"])
def test_other_metrics_are_within_a_hundred_thousandth(
    minilm: TorchBackend,
    demo_pairs: Pairs,
    their_vectors: dict[str, NDArray[np.float32]],
    metric: Metric,
) -> None:
    pairs = random.Random(metric).sample(demo_pairs[100:266], 60)
    expected = scored_by_theirs(their_vectors, pairs, metric)
    np.testing.assert_allclose(scored(minilm, pairs, metric), expected, rtol=1e-5)


@pytest.mark.parametrize(("precision", "n_pairs"), [("bfloat16", 40), ("float16", 8)])
def test_half_precision_is_within_a_hundredth(
    model_folder: Path,
    demo_pairs: Pairs,
    their_vectors: dict[str, NDArray[np.float32]],
    precision: str,
    n_pairs: int,
) -> None:
    pairs = demo_pairs[100 : 100 + n_pairs]
    found = scored(backend_of(model_folder, precision=precision), pairs)
    apart = np.abs(found - scored_by_theirs(their_vectors, pairs))
    assert 1e-5 < apart.max() <= 0.01  # not equal: it was really computed in half precision
