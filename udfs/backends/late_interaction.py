"""Models that give each token a vector, in torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.torch import TorchBackend


@dataclass
class TokenVectors:
    """The token vectors of n texts, on the model's device."""

    texts: list[torch.Tensor]  # each (tokens, dim) float32
    dim: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return (n, dim)."""
        return len(self.texts), self.dim

    def __setitem__(self, rows: Rows, values: TokenVectors) -> None:
        for row, vectors in zip(rows.tolist(), values.texts, strict=True):
            self.texts[row] = vectors

    def __getitem__(self, rows: Rows) -> list[torch.Tensor]:
        return [self.texts[row] for row in rows.tolist()]


class LateInteractionBackend(TorchBackend):
    """A MultiVectorEncoder of sentence-transformers.

    `forward` returns TokenVectors. In proofs, a text is represented by the mean of its tokens.
    """

    def vectors(self, n: int) -> TokenVectors:
        """Return n texts without tokens."""
        return TokenVectors([torch.zeros(0, self.dim)] * n, self.dim)

    def compare(
        self, first: TokenVectors, i: Rows, second: TokenVectors, j: Rows
    ) -> NDArray[np.float32]:
        """Return the scores of first[i] and second[j], row by row: (n,).

        For each token of the first text, the largest product with a token of the second one,
        summed, or averaged if the model says so. NaN where a text has no tokens.
        """
        empty = [not len(a) or not len(b) for a, b in zip(first[i], second[j], strict=True)]
        full = np.flatnonzero(~np.array(empty, bool))
        values = np.full(len(i), np.nan, np.float32)
        if len(full):
            scores = self.model.similarity_pairwise(first[i[full]], second[j[full]])
            values[full] = scores.float().cpu().numpy()
        return values

    def _output(self, features: dict[str, Any]) -> TokenVectors:
        masks = features["attention_mask"].bool()
        pairs = zip(features["token_embeddings"], masks, strict=True)
        return TokenVectors([vectors[mask] for vectors, mask in pairs], self.dim)
