"""The number of operations that a model needs, from the shapes of its weights, without loading it.

A token takes two operations for each weight that it is multiplied by. Attention takes another 4 s h
operations per token and layer, for a text of s tokens and a hidden size of h (Kaplan et al. 2020,
"Scaling Laws for Neural Language Models", section 2.1). For BERT, whose feed-forward part is 4 h
wide, the sum is 24 h^2 + 4 s h per token and layer.
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
SHARED = "albert"  # all layers share the weights of one

Counts = TypeVar("Counts", float, NDArray[np.float64])


@dataclass(frozen=True)
class Architecture:
    """The sizes that determine how many operations a text takes."""

    weights: int  # number of weights that each token is multiplied by
    layers: int
    hidden: int  # size of a token's vector

    def flop(self, tokens: Counts) -> Counts:
        """Return the operations for texts with these numbers of tokens, without padding: (n,)."""
        return tokens * (2.0 * self.weights + 4.0 * self.layers * self.hidden * tokens)

    def flop_of(self, histogram: Mapping[int, int], tokens: float) -> float:
        """Return the operations for texts given by a histogram and their total number of tokens.

        Bin k of `histogram` counts the texts of 2^k to 2^(k+1) - 1 tokens. All texts of a bin are
        taken to have its middle length, scaled so that the total matches. This is off by a few per
        cent of the attention, which itself is a few per cent of the whole.
        """
        bins = np.array(list(histogram), dtype=float)
        counts = np.array(list(histogram.values()), dtype=float)
        middles = 1.5 * 2.0**bins
        fit = tokens / max(float((middles * counts).sum()), 1.0)
        return float((self.flop(middles * fit) * counts).sum())


LOOKUPS = Architecture(weights=1, layers=0, hidden=0)


def countable(model: Architecture) -> Architecture:
    """Return the model, or a stand-in for one without multiplications, which counts only tokens."""
    return model if model.weights else LOOKUPS


def architecture(model: Path) -> Architecture:
    """Return the architecture of the model in a folder.

    A model without a transformer, such as static embeddings, has 0 weights.
    """
    from safetensors import safe_open

    folder, config = transformer(model)
    weights = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and not any(part in name for part in NOT_MULTIPLIED):
                    weights += shape[0] * shape[1]
    layers = int(config.get("num_hidden_layers") or config.get("n_layers") or 0)
    hidden = int(config.get("hidden_size") or config.get("dim") or 0)
    shared = layers if config.get("model_type") == SHARED else 1
    return Architecture(weights * shared, layers, hidden)
