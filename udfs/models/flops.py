"""How much a model computes: from its weights' shapes, without loading it. Pure but for that.

A token costs two operations for each weight that it is multiplied by, and attention 4 s h more in
each layer for a text of s tokens: Kaplan et al. 2020, "Scaling Laws for Neural Language Models",
section 2.1. In a BERT, whose feed-forward part is 4 h wide, that is 24 h^2 + 4 s h a layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.models.fetch import transformer

NOT_MULTIPLIED = ("embed", "pooler", "lm_head", "wte", "wpe")  # looked up, or not used for vectors
SHARED = "albert"  # one layer's weights serve all layers

Counts = TypeVar("Counts", float, NDArray[np.float64])


@dataclass(frozen=True)
class Architecture:
    """What decides how much a text costs."""

    weights: int  # that each token is multiplied by
    layers: int
    hidden: int  # size of a token's vector

    def flop(self, tokens: Counts) -> Counts:
        """Operations for texts of so many tokens each, padding left out: (n,) -> (n,)."""
        return tokens * (2.0 * self.weights + 4.0 * self.layers * self.hidden * tokens)

    def flop_of(self, histogram: Mapping[int, int], tokens: float) -> float:
        """Operations for texts known by `histogram` (bin k: 2^k to 2^(k+1) - 1 tokens) and sum.

        A bin's texts are taken to be of one length, its middle, fitted to the sum: an error of
        some per cent in attention, which itself is some per cent.
        """
        bins = np.array(list(histogram), dtype=float)
        counts = np.array(list(histogram.values()), dtype=float)
        middles = 1.5 * 2.0**bins
        fit = tokens / max(float((middles * counts).sum()), 1.0)
        return float((self.flop(middles * fit) * counts).sum())


LOOKUPS = Architecture(weights=1, layers=0, hidden=0)


def countable(model: Architecture) -> Architecture:
    """The model, or a stand-in for one that multiplies nothing: its work is tokens alone."""
    return model if model.weights else LOOKUPS


def architecture(model: Path) -> Architecture:
    """Of a model's folder; one without a transformer, such as static embeddings, has no weights."""
    from safetensors import safe_open

    folder, config = transformer(model)
    weights = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and not any(part in name for part in NOT_MULTIPLIED):
                    weights += shape[0] * shape[1]
    layers = int(config.get("num_hidden_layers") or config.get("n_layers") or 0)
    hidden = int(config.get("hidden_size") or config.get("dim") or 0)
    shared = layers if config.get("model_type") == SHARED else 1
    return Architecture(weights * shared, layers, hidden)
