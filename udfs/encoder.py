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
from semscore.udfs.metrics import Rows, Vectors


class Inputs(Protocol):
    """Texts made ready for a backend; only it knows how."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text: (n,)."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the model reads only the text's beginning: (n,) bool."""


@dataclass(frozen=True)
class Embedded:
    """What an encoder gives for n texts."""

    vectors: Vectors  # (n, dim) float32
    truncated: NDArray[np.bool_]  # (n,): the model read only the text's beginning
    failed: NDArray[np.bool_]  # (n,): the model failed on this text alone; no vector
    tokens: NDArray[np.int64]  # (n,) tokens read


class Backend(Protocol):
    """One loaded model."""

    name: str  # as --backend has it
    dim: int  # of its vectors
    token_budget: int  # padded tokens in one forward pass, where its device is fastest
    stretch: float  # how far it pays to pad a text beyond its width: see batches()

    def prepare(self, texts: Sequence[str], prompt: str | None) -> Any:
        """Tokenise n texts (`prompt`: None is the model's default one): -> Inputs."""

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens to which texts of some lengths are padded in any case: (n,) -> (n,)."""

    def forward(self, inputs: Any, rows: Rows, prompt: str | None) -> Any:
        """Run some of the texts: (k,) indices -> (k, dim) float32, where the device is."""

    def vectors(self, n: int) -> Any:
        """Room for n vectors where the device is: Vectors, all zero, that rows can be set in."""

    def wait(self) -> None:
        """Return when all that was asked for is computed."""


class Encoder:
    """A backend, fed with batches of texts of like length."""

    def __init__(self, backend: Backend, token_budget: int | None, batch_size: int | None) -> None:
        self.backend = backend
        self.token_budget = token_budget or backend.token_budget
        self.batch_size = batch_size

    def encode(self, texts: Sequence[str], prompt: str | None = None) -> Embedded:
        """Embed n texts: `prepare`, then `embed`."""
        meters = Meters()
        return self.embed(self.prepare(texts, prompt, meters), prompt, meters)

    def prepare(self, texts: Sequence[str], prompt: str | None, meters: Meters) -> Inputs:
        """Tokenise n texts. May run in another thread than `embed`, beside it."""
        start = perf_counter()
        inputs: Inputs = self.backend.prepare(texts, prompt)
        meters.tokenize_s += perf_counter() - start
        return inputs

    def embed(self, inputs: Inputs, prompt: str | None, meters: Meters) -> Embedded:
        """Embed n texts: a text that makes the model fail on its own is marked, not raised.

        Raises whatever the model raises when it fails on all of several texts, or on one that it
        has just embedded: that is not the texts' fault.
        """
        start = perf_counter()
        lengths = inputs.lengths
        vectors = self.backend.vectors(len(lengths))
        failed = np.zeros(len(lengths), dtype=bool)
        error = None
        worked: Rows | None = None  # (1,): a text that the model did not fail on
        widths = self.backend.widths(lengths)
        for rows in batches(widths, self.token_budget, self.batch_size, self.backend.stretch):
            error = self._forward(inputs, rows, prompt, vectors, failed) or error
            good = rows[~failed[rows]]
            if len(good):
                worked = good[:1]
            elif worked is not None:
                self._checked(inputs, worked, prompt)
            meters.batches += 1
            meters.tokens += int(lengths[rows].sum())
            meters.padded_tokens += int(widths[rows].max()) * len(rows)
        if error and len(lengths) > 1 and worked is None:
            raise error
        self.backend.wait()
        meters.forward_s += perf_counter() - start
        return Embedded(vectors, inputs.truncated, failed, lengths)

    def _forward(
        self,
        inputs: Inputs,
        rows: Rows,
        prompt: str | None,
        vectors: Any,
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

    def _checked(self, inputs: Inputs, rows: Rows, prompt: str | None) -> Any:
        out = self.backend.forward(inputs, rows, prompt)
        expected = (len(rows), self.backend.dim)
        if out.shape != expected:
            raise ValueError(f"the model returned shape {tuple(out.shape)}, expected {expected}")
        return out
