"""Texts to vectors: tokenise once, batch by length, forward, and single out what fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.batching import batches
from semscore.udfs.meters import Meters


@dataclass(frozen=True)
class Embedded:
    """What an encoder gives for n texts."""

    vectors: NDArray[np.float32]  # (n, dim)
    truncated: NDArray[np.bool_]  # (n,): the model read only the text's beginning
    failed: NDArray[np.bool_]  # (n,): the model failed on this text alone; no vector
    tokens: NDArray[np.int64]  # (n,) tokens read


class Inputs(Protocol):
    """Texts made ready for a backend; only it knows how."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text: (n,)."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the model reads only the text's beginning: (n,) bool."""


class Backend(Protocol):
    """One loaded model."""

    dim: int  # of its vectors

    def prepare(self, texts: Sequence[str], prompt: str | None) -> Any:
        """Tokenise n texts (`prompt`: None is the model's default one): -> Inputs."""

    def forward(
        self, inputs: Any, rows: NDArray[np.int64], prompt: str | None
    ) -> NDArray[np.float32]:
        """Run some of the texts: (k,) indices -> (k, dim) float32."""


class Encoder:
    """A backend, fed with batches of texts of like length."""

    def __init__(self, backend: Backend, token_budget: int, batch_size: int | None = None) -> None:
        self.backend = backend
        self.token_budget = token_budget
        self.batch_size = batch_size
        self.meters = Meters()  # of the task at hand

    def encode(self, texts: Sequence[str], prompt: str | None = None) -> Embedded:
        """Embed n texts: a text that makes the model fail on its own is marked, not raised.

        Raises whatever the model raises when it fails on all of several texts, or on one that it
        has just embedded: that is not the texts' fault.
        """
        start = perf_counter()
        inputs = self.backend.prepare(texts, prompt)
        lengths = inputs.lengths
        self.meters.tokenize_s += perf_counter() - start
        vectors = np.zeros((len(texts), self.backend.dim), dtype=np.float32)
        failed = np.zeros(len(texts), dtype=bool)
        error = None
        worked: NDArray[np.int64] | None = None  # (1,): a text that the model did not fail on
        for rows in batches(lengths, self.token_budget, self.batch_size):
            start = perf_counter()
            error = self._forward(inputs, rows, prompt, vectors, failed) or error
            good = rows[~failed[rows]]
            if len(good):
                worked = good[:1]
            elif worked is not None:
                self._checked(inputs, worked, prompt)
            self.meters.forward_s += perf_counter() - start
            self.meters.batches += 1
            self.meters.tokens += int(lengths[rows].sum())
            self.meters.padded_tokens += int(lengths[rows].max()) * len(rows)
        if error and len(texts) > 1 and worked is None:
            raise error
        return Embedded(vectors, inputs.truncated, failed, lengths)

    def _forward(
        self,
        inputs: Any,
        rows: NDArray[np.int64],
        prompt: str | None,
        vectors: NDArray[np.float32],
        failed: NDArray[np.bool_],
    ) -> Exception | None:
        """Fill in the vectors of some texts; gives what the model raised if it failed on them."""
        try:
            vectors[rows] = self._checked(inputs, rows, prompt)
            return None
        except Exception as error:
            if len(rows) == 1:
                failed[rows] = True
            else:
                for row in rows:
                    self._forward(inputs, row[None], prompt, vectors, failed)
            return error

    def _checked(
        self, inputs: Any, rows: NDArray[np.int64], prompt: str | None
    ) -> NDArray[np.float32]:
        out = self.backend.forward(inputs, rows, prompt)
        expected = (len(rows), self.backend.dim)
        if out.shape != expected:
            raise ValueError(f"the model returned shape {out.shape}, expected {expected}")
        return out
