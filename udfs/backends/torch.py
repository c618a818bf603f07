"""The torch backend: any sentence-transformers model, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semscore.udfs.backends.features import DeviceTokens, DeviceVectors
from semscore.udfs.backends.first_token import only_first_token
from semscore.udfs.backends.load import (
    Item,
    load_model,
    one_vector_each,
    probe_text,
    token_limit,
    whole_tokens,
)
from semscore.udfs.backends.prompts import Prompts, task_of
from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.proving.proof_of import proof_of
from semscore.udfs.backends.readers import reader_of
from semscore.udfs.models.kinds import model_kind
from semscore.udfs.proofs.neighbours import TOLERANCE
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Prompt, Recipe

# Padded tokens in a forward pass. On a CPU, few tokens fit the caches, but fewer than 500 cost 10%.
# A GPU needs enough to be busy. More only take memory.
CPU_TOKENS = 1024
GPU_TOKENS = 32_768
GPU_STRETCH = 2.0  # on a GPU, many short kernels cost more than some padding
# In these, each token attends to all others, so a mask only has to exclude padding.
SEE_ALL = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
HALF_TOLERANCE = (
    0.05  # between vectors of one text, relative to their length: half precisions round
)
WIDE_MASK_TOLERANCE = 1e-2  # of the largest figure: half precisions round


class TorchBackend:
    """A sentence-transformers model, run module by module.

    It takes texts, or pairs if the model is a cross-encoder (see PairTexts). The transformer runs
    in the recipe's precision, everything after it (pooling, dense) in float32. `proof` says how to
    run the model so that each result depends on its text or pair alone. Without a proof, call
    `prove`.
    """

    name = "torch"
    flat = False

    def __init__(
        self, folder: Path, recipe: Recipe, device: str, proof: Proof | None = None
    ) -> None:
        self.kind = model_kind(folder, recipe.kind)
        self.model = load_model(folder, recipe.precision, device, recipe.max_seq_length, self.kind)
        self.precision = recipe.precision
        self.device = torch.device(device)
        on_cpu = self.device.type == "cpu"
        self.token_budget = CPU_TOKENS if on_cpu else GPU_TOKENS
        self.stretch = 1.0 if on_cpu else GPU_STRETCH
        self.max_texts: int | None = None
        self.reset: str | None = None
        self._tokenizing = Lock()  # a tokenizer keeps the truncation of its last call
        if proof:
            self._follow(proof)
        vectors = self.kind == "bi-encoder"
        self.truncate_dim = (recipe.truncate_dim or self.model.truncate_dim) if vectors else None
        self.prompts = Prompts(dict(self.model.prompts), self.model.default_prompt_name)
        self.wide_mask = False
        self.probe = probe_text(self.model)
        with torch.inference_mode():
            self.dim = self._run(self._read([self._item(self.probe)])).shape[1]
            self.wide_mask = self.device.type == "cuda" and self._takes_wide_mask()
            self._lighten()
        self.reader = reader_of(self.model, self.kind)

    def _lighten(self) -> None:
        """Leave out what no result depends on."""
        if self.kind == "cross-encoder":
            only_first_token(self.model, self.probe)

    def prove(self, folder: Path) -> Proof:
        """Prove the model on this device, and from then on run it as the proof says."""
        tolerance = TOLERANCE if self.precision == "float32" else HALF_TOLERANCE
        proof = proof_of(self.model, folder, self.kind, self._embed, tolerance)
        self._follow(proof)
        return proof

    @torch.inference_mode()
    def _embed(self, items: Sequence[Item]) -> Any:
        """Run texts or pairs in one forward pass, with no prompt: n -> (n, dim), on the CPU."""
        return self._run(self._read(items)).cpu().numpy()

    def _follow(self, proof: Proof) -> None:
        self.max_texts = None if proof.batching == "together" else 1
        self.reset = proof.short if proof.batching == "reset" else None

    def _item(self, text: str) -> Item:
        return (text, text) if self.kind == "cross-encoder" else text

    def _read(self, items: Sequence[Item], **how: Any) -> dict[str, Any]:
        with self._tokenizing:
            features: dict[str, Any] = self.model.preprocess(list(items), **how)
        return features

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> DeviceTokens | Unread:
        """Tokenise n texts or pairs.

        A model without a plain fast tokenizer does so in the forward pass.
        """
        before = self.prompts.text(prompt)
        if self.reader is None:
            return _counted(items, before, self.model, task_of(prompt), self._tokenizing)
        return DeviceTokens(self.reader.read(items, before), self.device)  # type: ignore[arg-type]

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lengths: texts are padded only to the longest one in their batch."""
        return lengths

    @torch.inference_mode()
    def forward(self, inputs: DeviceTokens | Unread, rows: Rows, prompt: Prompt) -> Any:
        """Run some of the texts: (k,) indices -> (k, dim) float32, on a GPU as a tensor."""
        features = self._features(inputs, rows, prompt)
        try:
            if self.reset is not None:
                self._run(self._read([self._item(self.reset)]))
            results = self._output(self._pass(features, task_of(prompt)))
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()  # free memory may be fragmented
            raise
        return results

    def _features(
        self, inputs: DeviceTokens | Unread, rows: Rows, prompt: Prompt
    ) -> dict[str, Any]:
        """Return the model's input for some of the texts, padded to the longest one."""
        before = self.prompts.text(prompt)
        if isinstance(inputs, Unread):
            items = [inputs.items[i] for i in rows]
            return self._read(items, prompt=before, task=task_of(prompt))
        assert self.reader is not None
        features = inputs.features(rows, self.reader)
        if before:  # some poolings leave the prompt's tokens out
            features["prompt_length"] = self._prompt_length(before)
        return features

    def _output(self, features: dict[str, Any]) -> Any:
        """Return what the scorer needs of a pass's features."""
        results = self._result(features)
        return results.numpy() if self.device.type == "cpu" else results

    def _result(self, features: dict[str, Any]) -> torch.Tensor:
        """Return one vector for each text or pair: (k, dim)."""
        return one_vector_each(features, self.kind)[:, : self.truncate_dim]

    def vectors(self, n: int) -> Any:
        """Return n zero vectors in the memory of the device."""
        if self.device.type == "cpu":
            return np.zeros((n, self.dim), np.float32)
        return DeviceVectors(n, self.dim, self.device)

    def wait(self) -> None:
        """Wait until the device has finished everything that was started."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def move(self, device: str) -> None:
        """Move to another device of the same kind, given by torch's name."""
        self.device = torch.device(device)
        self.model.to(self.device)

    @lru_cache  # noqa: B019 - the backend lives as long as its process
    def _prompt_length(self, prompt: str) -> Any:
        return self._read([self.probe], prompt=prompt).get("prompt_length")

    def _run(self, features: dict[str, Any]) -> torch.Tensor:
        return self._result(self._pass(features))

    def _pass(
        self, features: dict[str, Any], task: str | None = None, first: int = 0
    ) -> dict[str, Any]:
        """Run all modules, or those from number `first` on."""
        for name, value in features.items():
            if isinstance(value, torch.Tensor):
                features[name] = value.to(self.device)
        mask = features.get("attention_mask")
        for number, module in enumerate(self.model):
            if number < first:
                continue
            if self.wide_mask and mask is not None:
                features["attention_mask"] = mask if number else mask[:, None, None, :].bool()
            takes_task = task is not None and "task" in getattr(module, "forward_kwargs", ())
            features = module(features, task=task) if takes_task else module(features)
            for name, value in features.items():
                if isinstance(value, torch.Tensor) and value.is_floating_point():
                    features[name] = value.float()
        return features

    def _takes_wide_mask(self) -> bool:
        """Return whether the transformer accepts a mask (texts, 1, 1, tokens) with the same result.

        transformers makes such a mask from one of (texts, tokens), but first asks the GPU whether
        anything is padded, which means a wait in each batch.
        """
        config = getattr(getattr(self.model[0], "auto_model", None), "config", None)
        if getattr(config, "model_type", None) not in SEE_ALL:
            return False
        items = [self._item(self.probe), self._item(self.probe * 5)]
        narrow = self._run(self._read(items))
        self.wide_mask = True
        try:
            wide = self._run(self._read(items))
        except Exception:  # an architecture may fail in any way on a mask that it does not support
            return False
        tolerance = WIDE_MASK_TOLERANCE * float(narrow.abs().max())
        return torch.allclose(wide, narrow, rtol=0, atol=tolerance)


@dataclass(frozen=True)
class Unread:
    """Texts or pairs that the model itself tokenises, batch by batch."""

    items: Sequence[Item]  # without prompt
    lengths: NDArray[np.int64]  # (n,) tokens, prompt included
    truncated: NDArray[np.bool_]  # (n,) bool
    refused: NDArray[np.int64]  # (k,) indices of the texts that the tokenizer rejects


def _counted(
    items: Sequence[Item], prompt: str, model: Any, task: str | None, tokenizing: Lock
) -> Unread:
    """Return n texts with the number of tokens that the model reads, and whether it truncates them.

    For a model that does not count tokens, lengths are in characters, and no text is truncated.
    """
    limit = token_limit(model, task)
    full = np.zeros(len(items), np.int64)
    refused = []
    for place, item in enumerate(items):
        try:
            with tokenizing:
                count = whole_tokens(model, item, prompt, task)
        except MemoryError:
            raise
        except Exception:  # tokenizers raises nothing more specific
            refused.append(place)
            continue
        full[place] = len(prompt) + len("".join(item)) if count is None else count
        if count is None:
            limit = None
    read = full if limit is None else np.minimum(full, limit)
    return Unread(items, read, full > read, np.array(refused, np.int64))
