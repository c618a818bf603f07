"""A worker whose vectors of known texts are wrong is not trusted with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semscore.udfs.backends.proving.proved import proved
from semscore.udfs.errors import CanaryFailed
from semscore.udfs.proofs.known_texts import PAIRS
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.encoder import Encoder
from semscore.udfs.worker.canary import check

OURS = [text for column in zip(*PAIRS, strict=True) for text in column]


@pytest.fixture
def encoder(model_folder: Path) -> Encoder:
    from semscore.udfs.backends.registry import load_backend

    recipe = Recipe(model=str(model_folder))
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    return Encoder(backend, None, None)


@pytest.fixture
def proof(model_folder: Path) -> Proof:
    return proved(model_folder, "bi-encoder", None, convert=False)


def test_a_sound_worker_passes(encoder: Encoder, proof: Proof) -> None:
    check(encoder, proof, "float32")


def test_the_reference_is_what_sentence_transformers_gives(
    model_folder: Path, proof: Proof
) -> None:
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(model_folder), device="cpu").encode(list(proof.texts))
    np.testing.assert_allclose(proof.vectors, vectors, atol=1e-6)
    assert list(proof.texts) == OURS


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(np.zeros_like, id="zeros"),
        pytest.param(lambda vectors: np.full_like(vectors, np.nan), id="not a number"),
        pytest.param(lambda vectors: np.roll(vectors, 1, axis=0), id="rows shifted"),
        pytest.param(lambda vectors: vectors + 0.05, id="an offset"),
        pytest.param(lambda vectors: vectors[:1].repeat(len(vectors), axis=0), id="all the same"),
    ],
)
def test_wrong_vectors_are_noticed(
    encoder: Encoder, proof: Proof, monkeypatch: pytest.MonkeyPatch, spoil: Any
) -> None:
    forward = encoder.backend.forward
    monkeypatch.setattr(encoder.backend, "forward", lambda *given: spoil(forward(*given)))
    encoder.batch_size = 2 * len(OURS)
    encoder.backend.stretch = 100.0  # one batch, so that rows can shift
    with pytest.raises(CanaryFailed, match=r"pair differs by .* float32 explains at most 0.002"):
        check(encoder, proof, "float32")


def test_leading_dimensions_and_a_limit_are_compared_alike(
    model_folder: Path, proof: Proof
) -> None:
    from semscore.udfs.backends.registry import load_backend

    recipe = Recipe(model=str(model_folder), truncate_dim=32, max_seq_length=5)
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    cut = proved(model_folder, "bi-encoder", 5, convert=False)
    check(Encoder(backend, None, None), cut, "float32")
    with pytest.raises(CanaryFailed):  # the whole texts would not do
        check(Encoder(backend, None, None), proof, "float32")
