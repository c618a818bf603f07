"""An encoder with a store: the same results, and the model is run on new texts only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.bi_encoder import BiEncoder
from semscore.udfs.recipe import Prompt
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.texts.embedder import Embedder
from semscore.udfs.texts.encoder import Encoder
from semscore.udfs.texts.stored import StoredEncoder
from semscore.udfs.vector_format import VectorFormat
from semscore.udfs.vectors.store import VectorStore

TEXTS1 = ["rain", "snow", "poison", None, "a very long text"]
TEXTS2 = ["sun", "rain", "rain", "x", "snow"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def backend(make_backend: Any) -> Any:
    return make_backend(poison=("poison", "venom"))


def with_store(backend: Any, tmp_path: Path) -> StoredEncoder:
    store = VectorStore(LocalFolder(str(tmp_path / "store")), backend.dim, 10**9)
    made = StoredEncoder(Encoder(backend, None, None), store)
    made.begin(Meters())
    return made


def scored(encoder: Encoder, texts1: list[Any], texts2: list[Any]) -> tuple[pd.DataFrame, Meters]:
    scorer, meters = BiEncoder(encoder, "dot", (Prompt(), Prompt())), Meters()
    first, second = pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object)
    found = scorer.score(scorer.prepare(first, second, meters), meters)
    meters.count(found.score, found.status, found.token_lengths, found.items, False)
    encoder.end(meters)
    return pd.DataFrame({"score": found.score, "status": found.status}), meters


def test_a_second_run_gives_the_same_scores_without_the_model(backend: Any, tmp_path: Path) -> None:
    expected, plain = scored(Encoder(backend, None, None), TEXTS1, TEXTS2)
    first, meters = scored(with_store(backend, tmp_path), TEXTS1, TEXTS2)
    pd.testing.assert_frame_equal(first, expected)
    assert (meters.stored_texts, meters.distinct_texts) == (0, plain.distinct_texts)
    again, meters = scored(with_store(backend, tmp_path), TEXTS1, TEXTS2)
    pd.testing.assert_frame_equal(again, expected)
    # The text on which the model fails, and another that shows that the model works
    assert meters.distinct_texts == 2
    assert meters.stored_texts == plain.distinct_texts - 2


def test_only_new_texts_are_run(backend: Any, tmp_path: Path) -> None:
    scored(with_store(backend, tmp_path), ["rain", "snow"], ["sun", "rain"])
    _, meters = scored(with_store(backend, tmp_path), ["rain", "hail"], ["sun", "snow"])
    assert (meters.stored_texts, meters.distinct_texts) == (2, 2)
    _, meters = scored(with_store(backend, tmp_path), ["rain", "hail"], ["sun", "snow"])
    assert (meters.stored_texts, meters.distinct_texts, meters.batches) == (4, 0, 0)


def test_texts_that_all_fail_do_not_look_like_a_model_that_fails(
    backend: Any, tmp_path: Path
) -> None:
    scored(with_store(backend, tmp_path), ["rain"], ["sun"])
    found, _ = scored(with_store(backend, tmp_path), ["poison", "rain"], ["venom", "sun"])
    assert found["status"].tolist() == ["error", "ok"]


def test_embeddings_come_from_the_store_too(backend: Any, tmp_path: Path) -> None:
    def embedded() -> tuple[pd.DataFrame, Meters]:
        encoder, meters = with_store(backend, tmp_path), Meters()
        work = Embedder(encoder, VectorFormat())
        columns = (pd.Series(TEXTS1, dtype=object), pd.Series(TEXTS2, dtype=object))
        frames = list(work.frames(work.prepare(columns, meters), meters))
        encoder.end(meters)
        return pd.concat(frames), meters

    first, plain = embedded()
    again, meters = embedded()
    for name in first.columns:
        for a, b in zip(first[name], again[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert meters.distinct_texts == 2 < plain.distinct_texts


def test_a_store_that_fails_costs_no_scores(
    backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise StorageError("S3 is not there")

    expected, _ = scored(Encoder(backend, None, None), TEXTS1, TEXTS2)
    monkeypatch.setattr(LocalFolder, "write", fail)
    monkeypatch.setattr(LocalFolder, "entries", fail)
    encoder = with_store(backend, tmp_path)
    found, meters = scored(encoder, TEXTS1, TEXTS2)
    encoder.begin(meters)
    pd.testing.assert_frame_equal(found, expected)
    assert set(meters.notes) == {
        "the vector store cannot be written: S3 is not there",
        "the vector store cannot be read: S3 is not there",
    }
