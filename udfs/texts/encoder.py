"""Encoding of texts or pairs: tokenise once, batch by length, run the model, isolate what fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Backend, Inputs, Rows, Vectors
from semscore.udfs.gpus.faults import fault_of
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Prompt
from semscore.udfs.texts.batching import batches

NO_PROMPT = Prompt()
MOST_KEPT = 8  # texts


@dataclass(frozen=True)
class Embedded:
    """The result of embedding n texts, or of running n pairs through a cross-encoder."""

    vectors: Vectors  # (n, dim) float32
    truncated: NDArray[np.bool_]  # (n,): the model read only the text's beginning
    failed: NDArray[np.bool_]  # (n,): the model cannot read this text, or failed on it alone
    tokens: NDArray[np.int64]  # (n,) tokens read
    ran: NDArray[np.int64]  # (m,) tokens of the texts that the model was run on


class Encoder:
    """An encoder that passes batches of texts of similar length to a backend.

    `token_budget` is reduced when the device runs out of memory, and stays reduced.
    """

    def __init__(self, backend: Backend, token_budget: int | None, batch_size: int | None) -> None:
        self.backend = backend
        self.token_budget = token_budget or backend.token_budget
        self.batch_size = min(filter(None, (batch_size, backend.max_texts)), default=None)
        self._kept: dict[tuple[str, Prompt], Embedded] = {}

    def encode(self, items: Any, prompt: Prompt = NO_PROMPT) -> Embedded:
        """Embed n texts or pairs. Calls `prepare`, then `embed`."""
        meters = Meters()
        return self.embed(self.prepare(items, prompt, meters), prompt, meters)

    def prepare(self, items: Any, prompt: Prompt, meters: Meters) -> Inputs:
        """Tokenise n texts or pairs. Can run at the same time as `embed`, in another thread."""
        start = perf_counter()
        inputs: Inputs = self.backend.prepare(items, prompt)
        meters.tokenize_s += perf_counter() - start
        return inputs

    def keep(self, texts: Sequence[str], prompt: Prompt, embedded: Embedded) -> None:
        """Keep the vector of a single text, unless the model failed on it."""
        if len(texts) == 1 and not embedded.failed[0]:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[texts[0], prompt] = embedded

    def kept(self, texts: Sequence[str], prompt: Prompt) -> Embedded | None:
        """Return the result for a single text that was kept, or None."""
        return self._kept.get((texts[0], prompt)) if len(texts) == 1 else None

    def move(self, device: str) -> None:
        """Move the model to another device of the same kind, given by torch's name."""
        self._kept.clear()
        self.backend.move(device)

    def begin(self, meters: Meters) -> None:
        """Do what must precede the texts of a task."""

    def end(self, meters: Meters) -> None:
        """Do what must follow the texts of a task."""

    def embed(self, inputs: Inputs, prompt: Prompt, meters: Meters) -> Embedded:
        """Embed n texts, marking as failed those that the model or its tokenizer cannot process.

        A batch that does not fit into the device's memory is halved until it does. Raises the
        model's exception if it fails on all of several texts, if it fails on a text that it has
        just embedded, or if its device fails, because these are not faults of a text.
        """
        start = perf_counter()
        call = _Call(self, inputs, prompt, meters)
        read = np.flatnonzero(~call.failed)
        widths, stretch = call.widths[read], self.backend.stretch
        for rows in batches(widths, self.token_budget, self.batch_size, stretch):
            call.run(read[rows])
        if call.error and len(read) > 1 and call.worked is None:
            raise call.error
        self.backend.wait()
        meters.forward_s += perf_counter() - start
        return Embedded(call.vectors, inputs.truncated, call.failed, inputs.lengths, inputs.lengths)


class _Call:
    """The state of one call of `embed`."""

    def __init__(self, encoder: Encoder, inputs: Inputs, prompt: Prompt, meters: Meters) -> None:
        self.encoder, self.backend = encoder, encoder.backend
        self.inputs, self.prompt, self.meters = inputs, prompt, meters
        self.widths = self.backend.widths(inputs.lengths)
        self.vectors = self.backend.vectors(len(self.widths))
        self.failed = np.zeros(len(self.widths), dtype=bool)
        self.failed[inputs.refused] = True
        self.worked: Rows | None = None  # (1,): a text that the model did not fail on
        self.error: Exception | None = None

    def run(self, rows: Rows) -> None:
        """Embed a batch, in smaller parts if it fails."""
        self._within_budget(rows)
        good = rows[~self.failed[rows]]
        if len(good):
            self.worked = good[:1]
        elif self.worked is not None:
            self._forward(self.worked)
        self.meters.batches += 1
        self.meters.tokens += int(self.inputs.lengths[rows].sum())
        self.meters.padded_tokens += self._tokens(rows)

    def _within_budget(self, rows: Rows) -> None:
        """Embed a batch in parts that fit the budget, which may have shrunk since it was cut."""
        size = max(self.encoder.token_budget // self._width(rows), 1)
        for start in range(0, len(rows), size):
            self._embed(rows[start : start + size])

    def _embed(self, rows: Rows) -> None:
        try:
            self.vectors[rows] = self._forward(rows)
            return
        except Exception as error:
            fault = fault_of(error)
            if fault in ("poisoned", "lost"):
                raise
            # The frames of a pass that ran out of memory keep its memory allocated.
            self.error = error.with_traceback(None) if fault == "memory" else error
        if len(rows) == 1:
            self.failed[rows] = True
        elif fault == "memory":
            self._make_smaller(self._tokens(rows) // 2)
            self._within_budget(rows)
        else:
            for row in rows:
                self._embed(row[None])

    def _forward(self, rows: Rows) -> Any:
        out = self.backend.forward(self.inputs, rows, self.prompt)
        expected = (len(rows), self.backend.dim)
        if out.shape != expected:
            raise ValueError(f"the model returned shape {tuple(out.shape)}, expected {expected}")
        return out

    def _make_smaller(self, tokens: int) -> None:
        self.encoder.token_budget = max(tokens, 1)
        self.meters.oom_retries += 1
        self.meters.notes[
            f"a device ran out of memory, so its batches were reduced to {tokens:,} tokens; "
            f"Engine.token_budget {tokens} avoids the retries"
        ] += 1

    def _width(self, rows: Rows) -> int:
        return max(int(self.widths[rows].max()), 1)

    def _tokens(self, rows: Rows) -> int:
        if self.backend.flat:
            return int(self.widths[rows].sum())
        return self._width(rows) * len(rows)
