"""A worker whose vectors of known texts are wrong is not trusted with others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semscore.udfs.backends.proving.proved import proved
from semscore.udfs.proofs.canary import PAIRS, CanaryFailed, check, known_vectors
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.encoder import Encoder

OURS = [text for column in zip(*PAIRS, strict=True) for text in column]


@pytest.fixture
def encoder(model_folder: Path) -> Encoder:
    from semscore.udfs.backends.registry import load_backend

    recipe = Recipe(model=str(model_folder))
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    return Encoder(backend, None, None)


@pytest.fixture
def proof(model_folder: Path) -> Proof:
    return proved(model_folder, None, convert=False)


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
    with pytest.raises(CanaryFailed, match=r"scores .* away .* float32 explains 0.002 at most"):
        check(encoder, proof, "float32")


def test_leading_dimensions_and_a_limit_are_compared_alike(
    model_folder: Path, proof: Proof
) -> None:
    from semscore.udfs.backends.registry import load_backend

    recipe = Recipe(model=str(model_folder), truncate_dim=32, max_seq_length=5)
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    cut = proved(model_folder, 5, convert=False)
    check(Encoder(backend, None, None), cut, "float32")
    with pytest.raises(CanaryFailed):  # the whole texts would not do
        check(Encoder(backend, None, None), proof, "float32")


# -- which texts are known -------------------------------------------------------------------------


def letters(texts: Sequence[str]) -> np.ndarray:
    """How often a text has each letter of proteins; it refuses others."""
    alphabet = "ACDEFGHIKLMNPQRSTVWY "
    if any(letter not in alphabet for text in texts for letter in text):
        raise ValueError("an unknown token")
    return np.array([[text.count(one) for one in alphabet] for text in texts], np.float32)


def test_a_model_that_refuses_our_texts_is_known_by_its_own_words() -> None:
    known = known_vectors(letters, ["A", "CC", "DK"])
    assert list(known) == ["A CC", "CC DK", "A", "CC"]
    np.testing.assert_array_equal(known["CC"], letters(["CC"])[0])


def test_a_model_to_which_all_words_are_unknown_is_refused() -> None:
    def counts_words(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1, len(text.split())] for text in texts], np.float32)

    with pytest.raises(CanaryFailed, match="gives different texts the same vector"):
        known_vectors(lambda texts: np.ones((len(texts), 2), np.float32), ["a", "b"])
    # two lengths make two vectors, which our sentences of one length do not have
    assert len(known_vectors(counts_words, ["a", "b"])) == 2


def test_a_model_that_gives_equal_texts_two_vectors_is_refused() -> None:
    def by_place(texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 7 * place + 1] for place, text in enumerate(texts)], float)

    with pytest.raises(CanaryFailed, match="gives the same text two different vectors"):
        known_vectors(by_place, ["a", "bbb"])
