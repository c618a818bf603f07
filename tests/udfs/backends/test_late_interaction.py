"""Models that give each token a vector score pairs as MultiVectorEncoder does."""

from __future__ import annotations

import string
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer import modules as st
from tokenizers import Tokenizer
from transformers import AutoModel, BertConfig

from semscore.udfs.backends.late_interaction import LateInteractionBackend
from semscore.udfs.backends.proving.proof_of import proof_of
from semscore.udfs.backends.proving.prove import _embed, load
from semscore.udfs.backends.registry import load_backend
from semscore.udfs.errors import ModelError
from semscore.udfs.models.fitted import checked
from semscore.udfs.pairs.registry import scorer_of
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.encoder import Encoder
from semscore.udfs.worker import canary
from tests.services.cross_encoders import SIZES, Workshop
from tests.services.scoring import scores_of

PROMPTS = {"query": "question: ", "document": "passage: "}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, wordpiece: Tokenizer) -> Path:
    """A ColBERT with query expansion and a skiplist for documents."""
    place = tmp_path_factory.mktemp("late")
    shop = Workshop(place / "transformer", {"wordpiece": wordpiece})
    bare = shop.save(BertConfig(**SIZES), "wordpiece", auto=AutoModel, limit=40)
    expansion: Any = {"strategy": "fixed", "length": 12, "token": "[UNK]", "attend": False}
    transformer = st.Transformer(bare, query_expansion=expansion, document_length=32)
    torch.manual_seed(3)
    names = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
    project = st.Dense(32, 16, bias=False, activation_function=torch.nn.Identity(), **names)
    mask = MultiVectorMask(skiplist_words=list(string.punctuation))
    normalize = st.Normalize(module_input_name="token_embeddings")
    modules = [transformer, project, mask, normalize]
    model = MultiVectorEncoder(modules=modules, device="cpu", prompts=PROMPTS)
    model.save_pretrained(str(place / "model"))
    return place / "model"


@pytest.fixture(scope="module")
def pairs(odd_texts: list[str]) -> list[tuple[str, str]]:
    texts = [text for text in odd_texts if text.strip()]
    return [*pairwise(texts), *zip(texts[1:9], texts[:8], strict=True)]


def scored(folder: Path, pairs: Any, **options: Any) -> Any:
    recipe = checked(Recipe(model=str(folder), **options), folder)
    assert recipe.kind == "late-interaction"
    backend, _ = load_backend(folder, recipe, Engine(backend="torch"), "cpu", 1)
    assert isinstance(backend, LateInteractionBackend)
    scorer = scorer_of(Encoder(backend, 400, None), recipe, folder)
    first, second = (pd.Series([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
    return scores_of(scorer, first, second)


def expected(folder: Path, pairs: Any, **prompts: Any) -> Any:
    options: Any = {"model_kwargs": {"dtype": torch.float32}, "local_files_only": True}
    model = MultiVectorEncoder(str(folder), device="cpu", **options)
    queries = model.encode_query([a for a, _ in pairs], **prompts)
    documents = model.encode_document([b for _, b in pairs], **prompts)
    return model.similarity_pairwise(queries, documents).numpy()


@pytest.mark.parametrize("options", [{}, {"prompt1": "", "prompt2": ""}])
def test_scores_are_those_of_queries_and_documents(
    folder: Path, pairs: Any, options: dict[str, str]
) -> None:
    found = scored(folder, pairs, **options)
    theirs = expected(folder, pairs, **({"prompt": ""} if options else {}))
    assert np.abs(found.score - theirs).max() <= 1e-5 * np.abs(theirs).max()
    assert np.abs(np.roll(found.score, 1) - theirs).max() > 0.1


def test_order_matters_and_a_query_longer_than_its_room_is_truncated(
    folder: Path, pairs: Any
) -> None:
    turned = [(b, a) for a, b in pairs]
    assert np.abs(scored(folder, pairs).score - scored(folder, turned).score).max() > 0.1
    found = scored(folder, [("a cat", "a cat " * 9), ("a cat " * 9, "a cat"), ("a", "cat " * 40)])
    assert found.status.tolist() == ["ok", "truncated", "truncated"]


def test_a_document_of_punctuation_is_compared_by_its_special_tokens(folder: Path) -> None:
    found = scored(folder, [("a cat", "."), ("a cat", "a mat"), ("a cat", None), ("", "b")])
    assert found.status.tolist() == ["ok", "ok", "null", "blank"]


def test_a_text_without_tokens_has_no_score(folder: Path) -> None:
    recipe = checked(Recipe(model=str(folder)), folder)
    backend = LateInteractionBackend(folder, recipe, "cpu")
    empty, rows = backend.vectors(2), np.array([0, 1])
    assert np.isnan(backend.compare(empty, rows, empty, rows)).all()


def test_parts_and_neighbours_do_not_matter(
    folder: Path, pairs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = scored(folder, pairs).score
    monkeypatch.setattr("semscore.udfs.pairs.late_interaction.AT_ONCE", 7)
    assert np.abs(scored(folder, pairs).score - together).max() < 2e-5


def test_no_pairs_have_no_scores(folder: Path) -> None:
    assert scored(folder, []).score.tolist() == []


def test_it_is_proved_and_watched_by_a_canary(folder: Path) -> None:
    model = load(folder, "late-interaction")
    proof = proof_of(model, folder, "late-interaction", _embed(model, "late-interaction"))
    assert proof.batching == "together"
    recipe = checked(Recipe(model=str(folder)), folder)
    encoder = Encoder(LateInteractionBackend(folder, recipe, "cpu", proof), None, None)
    canary.check(encoder, proof, "float32")


@pytest.mark.parametrize("options", [{"backend": "openvino"}, {}])
def test_openvino_says_that_it_cannot(folder: Path, options: Any) -> None:
    recipe = checked(Recipe(model=str(folder)), folder)
    if options:
        with pytest.raises(ModelError, match=r"cannot run .*: it gives each token a vector"):
            load_backend(folder, recipe, Engine(**options), "cpu", 1)
    else:
        _, note = load_backend(folder, recipe, Engine(), "cpu", 1)
        assert note == ("the model runs in torch, not in OpenVINO: it gives each token a vector")
