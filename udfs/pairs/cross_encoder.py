"""Cross-encoders: run each distinct ordered pair once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.meters import Meters
from semscore.udfs.models.pair_head import PairHead
from semscore.udfs.pairs.layout import DistinctPairs, distinct_pairs
from semscore.udfs.pairs.scorer import Scores, scored
from semscore.udfs.recipe import Prompt
from semscore.udfs.texts.encoder import Encoder

Values = NDArray[np.float64]

# torch.nn's modules of these names
ACTIVATIONS: dict[str, Callable[[Values], Values]] = {
    "Identity": lambda x: x,
    "ReLU": lambda x: np.maximum(x, 0),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softplus": lambda x: np.logaddexp(0, x),
    "Tanh": np.tanh,
}


@dataclass(frozen=True)
class CrossEncoder:
    """A scorer for a model that reads both texts of a pair together.

    The score is that of `CrossEncoder.predict` of sentence-transformers; with several labels, the
    softmax probability of one of them, as with `apply_softmax`.
    """

    encoder: Encoder
    head: PairHead
    label: str | None = None
    prompt: Prompt = Prompt()  # noqa: RUF009 - immutable

    @property
    def bounded(self) -> bool:
        """Return whether the scores are probabilities."""
        return self.head.bounded

    def prepare(
        self, texts1: pd.Series[Any], texts2: pd.Series[Any], meters: Meters
    ) -> tuple[DistinctPairs, Any]:
        """Find and tokenise the distinct pairs."""
        pairs = distinct_pairs(texts1, texts2)
        return pairs, self.encoder.prepare(pairs.pairs, self.prompt, meters)

    def score(self, prepared: tuple[DistinctPairs, Any], meters: Meters) -> Scores:
        """Run the pairs and compute scores from their logits."""
        pairs, inputs = prepared
        run = self.encoder.embed(inputs, self.prompt, meters)
        start = perf_counter()
        values = self._values(run.vectors[np.arange(len(pairs.pairs))])[pairs.codes]
        truncated, failed = run.truncated[pairs.codes], run.failed[pairs.codes]
        score, status = scored(pairs.status, pairs.rows, values, truncated, failed)
        meters.compare_s += perf_counter() - start
        return Scores(score, status, len(pairs.rows), run.tokens)

    def _values(self, logits: Any) -> NDArray[np.float32]:
        """Return the scores of u pairs from their logits (u, labels)."""
        on_cpu = logits if isinstance(logits, np.ndarray) else logits.cpu().numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            values = ACTIVATIONS[self.head.activation](on_cpu.astype(np.float64))
            if len(self.head.labels) > 1:
                values = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
                values /= values.sum(axis=1, keepdims=True)
            return values[:, self.head.index(self.label)].astype(np.float32)
