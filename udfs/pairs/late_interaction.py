"""Late interaction: embed each token of queries and documents, then compare tokens with tokens."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from semscore.udfs.meters import Meters
from semscore.udfs.pairs.layout import distinct_texts
from semscore.udfs.pairs.scorer import Scores, scored
from semscore.udfs.recipe import Prompt
from semscore.udfs.texts.encoder import Encoder

if TYPE_CHECKING:
    from semscore.udfs.backends.late_interaction import LateInteractionBackend

AT_ONCE = 256  # pairs whose token vectors are in memory; 180 tokens of 128 floats take 92 kB


@dataclass(frozen=True)
class LateInteraction:
    """A scorer for a model that gives each token a vector.

    The first text of a pair is read as a query, the second one as a document, as in `encode_query`
    and `encode_document` of sentence-transformers.
    """

    encoder: Encoder
    prompts: tuple[Prompt, Prompt] = (Prompt(role="query"), Prompt(role="document"))

    bounded = False

    def prepare(
        self,
        texts1: pd.Series[Any],
        texts2: pd.Series[Any],
        meters: Meters,  # noqa: ARG002 - tokenised in `score`
    ) -> list[tuple[pd.Series[Any], pd.Series[Any]]]:
        """Divide the pairs into parts whose token vectors fit into memory."""
        starts = range(0, max(len(texts1), 1), AT_ONCE)  # one part, even without pairs
        return [(texts1[k : k + AT_ONCE], texts2[k : k + AT_ONCE]) for k in starts]

    def score(
        self, prepared: list[tuple[pd.Series[Any], pd.Series[Any]]], meters: Meters
    ) -> Scores:
        """Embed the texts of each part and compare them."""
        parts = [self._score(texts1, texts2, meters) for texts1, texts2 in prepared]
        return Scores(
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.status for part in parts]),
            sum(part.items for part in parts),
            np.concatenate([part.token_lengths for part in parts]),
        )

    def _score(self, texts1: pd.Series[Any], texts2: pd.Series[Any], meters: Meters) -> Scores:
        pairs = distinct_texts(texts1, texts2, self.prompts)
        first, second = (
            self.encoder.embed(self.encoder.prepare(texts, prompt, meters), prompt, meters)
            for texts, prompt in zip(pairs.texts, pairs.prompts, strict=True)
        )
        start = perf_counter()
        backend: LateInteractionBackend = self.encoder.backend  # type: ignore[assignment]
        i, j = pairs.i, pairs.j
        values = backend.compare(first.vectors, i, second.vectors, j)  # type: ignore[arg-type]
        truncated = first.truncated[i] | second.truncated[j]
        failed = first.failed[i] | second.failed[j]
        score, status = scored(pairs.status, pairs.rows, values, truncated, failed)
        meters.compare_s += perf_counter() - start
        lengths = np.concatenate([first.tokens, second.tokens])
        return Scores(score, status, 2 * len(pairs.rows), lengths)
