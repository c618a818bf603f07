"""Bi-encoders: embed each distinct text once, then compare the vectors of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.layout import DistinctTexts, distinct_texts
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.pairs.scorer import Scores, scored
from semscore.udfs.recipe import Metric, Prompt
from semscore.udfs.texts.encoder import Embedded, Encoder


@dataclass(frozen=True)
class BiEncoder:
    """A scorer for a model that gives each text one vector."""

    encoder: Encoder
    metric: Metric = "cosine"
    prompts: tuple[Prompt, Prompt] = (Prompt(), Prompt())

    @property
    def bounded(self) -> bool:
        """Return whether the scores are cosines."""
        return self.metric == "cosine"

    def prepare(
        self, texts1: pd.Series[Any], texts2: pd.Series[Any], meters: Meters
    ) -> tuple[DistinctTexts, list[Any]]:
        """Find the distinct texts, and tokenise those whose vectors are not kept."""
        pairs = distinct_texts(texts1, texts2, self.prompts)
        parts = zip(pairs.texts, pairs.prompts, strict=True)
        return pairs, [
            self.encoder.kept(texts, prompt) or self.encoder.prepare(texts, prompt, meters)
            for texts, prompt in parts
        ]

    def score(self, prepared: tuple[DistinctTexts, list[Any]], meters: Meters) -> Scores:
        """Embed the texts and compare their vectors."""
        pairs, inputs = prepared
        embedded, lengths = [], [np.zeros(0, np.int64)]
        for part, texts, prompt in zip(inputs, pairs.texts, pairs.prompts, strict=True):
            if isinstance(part, Embedded):
                embedded.append(part)
                continue
            embedded.append(self.encoder.embed(part, prompt, meters))
            lengths.append(embedded[-1].ran)
            if len(pairs.rows) > 1:  # so that it may be that of a whole column
                self.encoder.keep(texts, prompt, embedded[-1])
        start = perf_counter()
        first, second, i, j = embedded[0], embedded[-1], pairs.i, pairs.j
        values = compare(first.vectors, i, second.vectors, j, self.metric)
        truncated = first.truncated[i] | second.truncated[j]
        failed = first.failed[i] | second.failed[j]
        score, status = scored(pairs.status, pairs.rows, values, truncated, failed)
        meters.compare_s += perf_counter() - start
        return Scores(score, status, 2 * len(pairs.rows), np.concatenate(lengths))
