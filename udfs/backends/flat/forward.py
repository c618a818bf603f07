"""The flat backend on a CPU: a model whose batches are not padded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.modules import Router, Transformer

from semscore.udfs.backends.features import DeviceTokens
from semscore.udfs.backends.flat.linear import lay_out
from semscore.udfs.backends.flat.pooling import VECTORS, FlatPooling
from semscore.udfs.backends.flat.runs import Runs
from semscore.udfs.backends.flat.transformer import FlatTransformer
from semscore.udfs.backends.load import Item
from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.prompts import task_of
from semscore.udfs.backends.protocol import NotConvertible, Rows
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.backends.trial import trial_tokens
from semscore.udfs.errors import ModelError
from semscore.udfs.proofs.neighbours import WITHOUT_LIMIT
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Precision, Prompt, Recipe

TOKENS = 1536  # in a forward pass
# Largest difference from the padded model in float32, relative to the size of what is compared. In
# bfloat16, each layer has been compared for itself.
TOLERANCE: dict[Precision, float] = {"float32": 2e-5, "bfloat16": 0.2}
LOGIT = 1.0  # of a cross-encoder: smaller logits may differ as much as one of this size
# The batches that are compared, as the lengths of their texts in tokens; a longer one follows
TRIED = ((3,), (11, 7, 11), (40, 13, 13, 13))
NO_PROMPT = Prompt("")

Trial: TypeAlias = tuple[DeviceTokens, Rows]


class FlatBackend(TorchBackend):
    """A model that runs all texts of a batch one after another, whatever their lengths.

    A text's vector does not depend on the other texts of its batch: laid-out products are the same
    for any number of tokens, and attention depends on the length alone. Before the model is used,
    it is compared with itself in float32 and with padding. Raises NotConvertible if it differs, or
    cannot be run in this way.
    """

    name = "flat"
    flat = True

    def __init__(
        self, folder: Path, recipe: Recipe, proof: Proof | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(folder, replace(recipe, precision="float32"), device, proof)
        if self.max_texts is not None:
            raise NotConvertible("its vectors depend on the other texts of their batch")
        if self.reader is None:
            raise NotConvertible("only its own code can tokenise texts for it")
        if not isinstance(self.model[0], Transformer):
            raise NotConvertible("it has no transformer")
        if any(isinstance(module, Router) for module in self.model):
            raise NotConvertible("its Router runs other modules for queries than for documents")
        self.precision = recipe.precision
        self.token_budget = TOKENS
        self.stretch = math.inf  # of texts that share a batch, as none is padded
        with convertible():
            batches = self._trials()
            padded = self._padded(batches)
            self._transformer = FlatTransformer(self.model[0].model)
            self._require_near(batches, padded, TOLERANCE["float32"])
            self._compute_in(recipe.precision, batches, padded)

    def _compute_in(
        self,
        precision: Precision,
        batches: Sequence[Trial],
        padded: Sequence[NDArray[np.float32]],
    ) -> None:
        """Compute in a precision from now on.

        `padded` are the results of the padded model in float32 for the batches. Raises
        NotConvertible if this model's results differ from them.
        """
        self._transformer.lay_out(getattr(torch, precision))
        for module in list(self.model)[1:]:
            lay_out(module, torch.float32)
        self._require_near(batches, padded, TOLERANCE[precision])

    @torch.inference_mode()
    def forward(self, inputs: Any, rows: Rows, prompt: Prompt) -> Any:
        """Run some of the texts or pairs: (k,) indices -> (k, dim) float32.

        Raises ValueError for a text without tokens.
        """
        assert self.reader is not None
        lengths = inputs.lengths[rows]
        require_tokens(lengths)
        batch = inputs.packed(rows, lengths, self.reader)
        runs = Runs.of(lengths, batch.offsets)
        states = self._transformer.run(batch.ids, batch.types, batch.places, runs)
        if self._pools(prompt):
            return self._output(self._pooled(states, batch.places, batch.offsets, prompt))
        found = []
        for run in runs.parts:
            features = self._features(inputs, rows[run.text_slice], prompt)
            with self._transformer.computed(states, run):
                found.append(self._result(self._pass(features, task_of(prompt))))
        return torch.cat(found).numpy()

    @cached_property
    def _pooling(self) -> FlatPooling | None:
        return FlatPooling.of(self.model)

    def _pools(self, prompt: Prompt) -> bool:
        """Return whether `_pooled` can compute what follows the transformer."""
        pooling = self._pooling
        return pooling is not None and (pooling.includes_prompt or not self.prompts.text(prompt))

    def _pooled(
        self, states: torch.Tensor, places: torch.Tensor, offsets: torch.Tensor, prompt: Prompt
    ) -> dict[str, Any]:
        """Pool the states of k texts: (tokens, hidden). Returns what the last module leaves."""
        assert self._pooling is not None
        vectors = self._pooling(states, places, offsets)
        return self._pass({VECTORS: vectors}, task_of(prompt), first=2)

    def _embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        pairs: Any = items
        taken: Any = PairTexts.of(pairs) if self.kind == "cross-encoder" else pairs
        inputs = self.prepare(taken, NO_PROMPT)
        return _on_cpu(self.forward(inputs, np.arange(len(items)), NO_PROMPT))

    def _trials(self) -> list[Trial]:
        """Return the batches that are compared."""
        assert self.reader is not None
        longest = min(self.reader.limit or WITHOUT_LIMIT, WITHOUT_LIMIT)
        shapes = [[min(length, longest) for length in lengths] for lengths in TRIED]
        return [self._trial(lengths) for lengths in [*shapes, [longest, 3]]]

    def _trial(self, lengths: Sequence[int]) -> Trial:
        """Return a batch of texts with these lengths in tokens."""
        assert self.reader is not None
        tokens = trial_tokens(self.reader, self.kind, self.probe, lengths)
        return DeviceTokens(tokens, self.device), np.arange(len(lengths))

    def _padded(self, batches: Sequence[Trial]) -> list[NDArray[np.float32]]:
        """Return the results of the padded model for the batches, on the CPU."""
        return [_on_cpu(super(FlatBackend, self).forward(*batch, NO_PROMPT)) for batch in batches]

    def _require_near(
        self, batches: Sequence[Trial], padded: Sequence[NDArray[np.float32]], tolerance: float
    ) -> None:
        """Raise NotConvertible if this model's results are not those of the padded one."""
        found = [_on_cpu(self.forward(*batch, NO_PROMPT)) for batch in batches]
        apart = max(map(self._apart, found, padded))
        if not apart <= tolerance:  # also true of NaN
            raise NotConvertible(f"without padding, its vectors differ by {apart:.1e}")

    def _apart(self, found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
        """Return the largest difference of vectors or logits, relative to their size."""
        floor = LOGIT if self.kind == "cross-encoder" else 0.0
        size = max(float(np.linalg.norm(expected, axis=1).max()), floor)
        return float(np.linalg.norm(found - expected, axis=1).max()) / size


@contextmanager
def convertible() -> Iterator[None]:
    """Raise NotConvertible for whatever fails in here, because architectures may fail in any way.

    ModelError and MemoryError are left as they are.
    """
    try:
        yield
    except (NotConvertible, ModelError, MemoryError):
        raise
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise NotConvertible(
            "the GPU's memory does not hold it in float32, in which it is compared"
        ) from error
    except Exception as error:
        line = str(error).partition("\n")[0]
        raise NotConvertible(f"it cannot be run without padding: {line}") from error


def require_tokens(lengths: NDArray[np.int64]) -> None:
    """Raise ValueError if a text has no tokens: (k,)."""
    if not lengths.all():
        raise ValueError("a text has no tokens")


def _on_cpu(results: Any) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (
        results if isinstance(results, np.ndarray) else results.cpu().numpy()
    )
    return found
