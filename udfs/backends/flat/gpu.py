"""The flat backend on a GPU: a model whose batches are not padded, in few calls for each batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semscore.udfs.backends.features import DeviceTokens, PackedTokens
from semscore.udfs.backends.flat.buckets import Lengths, filled
from semscore.udfs.backends.flat.forward import (
    NO_PROMPT,
    FlatBackend,
    Trial,
    convertible,
    require_tokens,
)
from semscore.udfs.backends.flat.graphs import Graphs, launch_bound, recorder
from semscore.udfs.backends.flat.pooling import padded
from semscore.udfs.backends.flat.runs import Runs
from semscore.udfs.backends.flat.varlen import Kernel, Packed, varlen_kernel
from semscore.udfs.backends.prompts import task_of
from semscore.udfs.backends.protocol import NotConvertible, Rows
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Precision, Prompt, Recipe

TOKENS = 65_536  # in a forward pass; more only take memory
MEASURED = 64  # tokens of each text in the pass that is measured at load
# A model may differ from its padded form in float32 by this factor of what the padded form in the
# same precision differs by, or by LEAST, relative to the size of what is compared.
FACTOR, LEAST = 2.0, 0.02


class GpuFlatBackend(FlatBackend):
    """A model that runs all texts of a batch one after another, on a GPU.

    Nothing waits for the device, and nothing is done for each text in Python. Attention is one
    kernel for all texts where there is one (see varlen.py), else one for each length that occurs.
    Before the model is used, it is compared with itself in float32 and with padding, and the
    precision's errors with those of the padded model. Raises NotConvertible if it differs, or
    cannot be run in this way.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, device: str, proof: Proof | None = None
    ) -> None:
        self._kernel: Kernel | None = None
        self._graphs: Graphs | None = None
        self._bound = 0  # tokens of the passes that are recorded
        with convertible():  # were the GPU lost, the padded model would fail too
            super().__init__(folder, recipe, proof, device)
            self.token_budget = TOKENS
            if self._kernel is not None:
                self._bound = self._launch_bound()
                self._graphs = self._without_graphs()

    @torch.inference_mode()
    def forward(self, inputs: Any, rows: Rows, prompt: Prompt) -> Any:
        """Run some of the texts or pairs: (k,) indices -> (k, dim) float32, on the device.

        Raises ValueError for a text without tokens.
        """
        lengths = inputs.lengths[rows]
        require_tokens(lengths)
        try:
            return self._output(self._modules(inputs, rows, lengths, prompt))
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()  # free memory may be fragmented
            raise

    def move(self, device: str) -> None:
        """Move to another device of the same kind, given by torch's name."""
        super().move(device)
        self._graphs = self._without_graphs()

    def _compute_in(
        self,
        precision: Precision,
        batches: Sequence[Trial],
        padded: Sequence[NDArray[np.float32]],
    ) -> None:
        dtype = getattr(torch, precision)
        if dtype == torch.float32:
            return  # which has been compared
        self._transformer.cast(dtype)
        with self._transformer.padded():
            apart = max(map(self._apart, self._padded(batches), padded))
        tolerance = max(FACTOR * apart, LEAST)
        self._kernel = varlen_kernel(self.device, dtype)
        if self._kernel is not None:
            try:
                self._require_near(batches, padded, tolerance)
                return
            except (NotConvertible, RuntimeError):  # it does not support all models and GPUs
                self._kernel = None
        # Were it a fault of the GPU, this would fail too.
        self._require_near(batches, padded, tolerance)

    def _modules(
        self, inputs: DeviceTokens, rows: Rows, lengths: Lengths, prompt: Prompt
    ) -> dict[str, Any]:
        """Return the features that the model's last module leaves for k texts."""
        batch, states = self._states(inputs, rows, lengths)
        if self._pools(prompt):
            tokens, offsets = int(lengths.sum()), batch.offsets[: len(rows) + 1]
            return self._pooled(states[:tokens], batch.places[:tokens], offsets, prompt)
        features = self._features(inputs, rows, prompt)
        if self._transformer.first_only:
            own = states[: len(rows), None]
        else:
            own = padded(states, features["attention_mask"])
        with self._transformer.recalling(own):
            return self._pass(features, task_of(prompt))

    def _states(
        self, inputs: DeviceTokens, rows: Rows, lengths: Lengths
    ) -> tuple[PackedTokens, torch.Tensor]:
        """Run the transformer on k texts. Returns the batch, and its states (tokens, hidden).

        If the transformer computes only each text's first token, they are (k, hidden). Both may
        have more texts than `rows`, behind these.
        """
        assert self.reader is not None
        shape = self._graphs.shape_for(lengths) if self._graphs else None
        if self._graphs and shape:
            batch = inputs.packed(*filled(rows, lengths, shape), self.reader)
            return batch, self._graphs.run(batch, shape)
        batch = inputs.packed(rows, lengths, self.reader)
        if self._kernel is not None:
            return batch, self._packed_pass(batch, int(lengths.max()))
        runs = Runs.of(lengths, batch.offsets)
        return batch, self._transformer.run(batch.ids, batch.types, batch.places, runs)

    def _packed_pass(self, batch: PackedTokens, longest: int) -> torch.Tensor:
        assert self._kernel is not None
        texts = Packed(batch.offsets, len(batch.ids), longest, self._kernel)
        return self._transformer.run(batch.ids, batch.types, batch.places, texts)

    def _launch_bound(self) -> int:
        """Measure up to how many tokens the host, not the GPU, limits the speed of a pass."""
        assert self.reader is not None
        length = min(self.reader.limit or MEASURED, MEASURED)
        inputs, rows = self._trial([length] * (self.token_budget // length))
        try:
            return launch_bound(
                lambda: self.forward(inputs, rows, NO_PROMPT), self.wait, self.token_budget
            )
        except torch.cuda.OutOfMemoryError:  # a device that is this small is busy with less
            return 0

    def _without_graphs(self) -> Graphs | None:
        """Return graphs of which none is recorded yet, or None if the device has no graphs."""
        record = recorder(self.device)
        return Graphs(self._packed_pass, record, self._bound) if record else None
