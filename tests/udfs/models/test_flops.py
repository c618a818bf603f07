"""Operations of a model, by hand and by its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semscore.udfs.models.flops import Architecture, architecture


def test_a_bert_costs_24_hh_and_attention_in_each_layer(model_folder: Path) -> None:
    found = architecture(model_folder)
    assert found == Architecture(weights=6 * 12 * 384**2, layers=6, hidden=384)
    per_token = 6 * (24 * 384**2 + 4 * 10 * 384)
    assert found.flop(10.0) == 10 * per_token


def test_a_histogram_of_lengths_costs_about_what_its_texts_do() -> None:
    model = Architecture(weights=1000, layers=2, hidden=16)
    lengths = np.random.default_rng(0).integers(4, 200, 5000).astype(float)
    bins, counts = np.unique(np.log2(lengths).astype(int), return_counts=True)
    histogram = dict(zip(bins.tolist(), counts.tolist(), strict=True))
    exact = float(model.flop(lengths).sum())
    assert model.flop_of(histogram, lengths.sum()) == pytest.approx(exact, rel=0.05)
    assert model.flop_of({}, 0) == 0


def test_without_a_transformer_nothing_is_multiplied(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(
        '[{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]'
    )
    assert architecture(tmp_path) == Architecture(0, 0, 0)
