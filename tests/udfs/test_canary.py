"""A worker whose scores of known pairs are wrong is not trusted with others."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semscore.udfs import canary
from semscore.udfs.canary import PAIRS, CanaryFailed, check, reference, reference_place
from semscore.udfs.encoder import Encoder
from semscore.udfs.recipe import Engine, Recipe

N = len(PAIRS)


@pytest.fixture
def encoder(model_folder: Path) -> Encoder:
    from semscore.udfs.backends.choose import load_backend

    recipe = Recipe(model=str(model_folder))
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    return Encoder(backend, None, None)


def test_a_sound_worker_passes(encoder: Encoder, model_folder: Path) -> None:
    assert check(encoder, model_folder, Recipe(model=str(model_folder))) is None


def test_the_reference_is_what_sentence_transformers_gives(model_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [text for column in zip(*PAIRS, strict=True) for text in column]
    vectors = SentenceTransformer(str(model_folder), device="cpu").encode(texts)
    np.testing.assert_allclose(reference(model_folder, None), vectors, atol=1e-6)


def test_the_reference_is_made_once(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path))
    reference_place.cache_clear()
    first = reference(model_folder, 5)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: 1 / 0)
    np.testing.assert_array_equal(reference(model_folder, 5), first)
    with pytest.raises(ZeroDivisionError):
        reference(model_folder, 6)  # another limit, other vectors
    reference_place.cache_clear()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(np.zeros_like, id="zeros"),
        pytest.param(lambda vectors: np.full_like(vectors, np.nan), id="not a number"),
        pytest.param(lambda vectors: np.roll(vectors, 1, axis=0), id="rows shifted"),
        pytest.param(lambda vectors: vectors + 0.05, id="an offset"),
    ],
)
def test_wrong_vectors_are_noticed(
    encoder: Encoder, model_folder: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any
) -> None:
    forward = encoder.backend.forward
    monkeypatch.setattr(encoder.backend, "forward", lambda *given: spoil(forward(*given)))
    encoder.batch_size = 2 * N
    encoder.backend.stretch = 100.0  # one batch, so that rows can shift
    with pytest.raises(CanaryFailed, match=r"scores .* away .* float32 explains 0.002 at most"):
        check(encoder, model_folder, Recipe(model=str(model_folder)))


def test_leading_dimensions_and_a_limit_are_compared_alike(model_folder: Path) -> None:
    from semscore.udfs.backends.choose import load_backend

    recipe = Recipe(model=str(model_folder), truncate_dim=32, max_seq_length=5)
    backend, _ = load_backend(model_folder, recipe, Engine(backend="torch"), "cpu", 1)
    assert check(Encoder(backend, None, None), model_folder, recipe) is None
    # the whole texts would not do
    whole = Recipe(model=str(model_folder), truncate_dim=32)
    with pytest.raises(CanaryFailed):
        check(Encoder(backend, None, None), model_folder, whole)


def test_without_a_reference_the_reason_is_given(
    encoder: Encoder, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Any:
        raise canary.NoReference("no memory")

    monkeypatch.setattr(canary, "reference", nothing)
    found = check(encoder, model_folder, Recipe(model=str(model_folder)))
    assert found == "the known pairs could not be scored on a CPU: no memory"
