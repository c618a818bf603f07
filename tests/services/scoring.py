"""Pairs scored by an encoder alone, without Spark."""

from __future__ import annotations

from typing import Any

import pandas as pd

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.bi_encoder import BiEncoder
from semscore.udfs.pairs.scorer import Scorer, Scores
from semscore.udfs.recipe import Metric, Prompt
from semscore.udfs.texts.encoder import Encoder


def scores_of(scorer: Scorer, texts1: pd.Series[Any], texts2: pd.Series[Any]) -> Scores:
    """Score n pairs as one window."""
    meters = Meters()
    return scorer.score(scorer.prepare(texts1, texts2, meters), meters)


def score_pairs(
    texts1: pd.Series[Any],
    texts2: pd.Series[Any],
    encoder: Encoder,
    metric: Metric = "cosine",
    prompts: tuple[str | None, str | None] = (None, None),
) -> Scores:
    """Score n pairs with an encoder of texts, and prompts given as texts."""
    first, second = map(Prompt, prompts)
    return scores_of(BiEncoder(encoder, metric, (first, second)), texts1, texts2)
