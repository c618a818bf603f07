"""A transformer whose layers run once on all texts of a batch, one after another.

Only its layers see the texts this way. What follows them either pools the states of all texts (see
pooling.py), or gets states in the shape of a padded pass, as if the transformer had just run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions as Output

from semscore.udfs.backends.first_token import FirstTokenLayer
from semscore.udfs.backends.flat.attention import NAME
from semscore.udfs.backends.flat.linear import lay_out
from semscore.udfs.backends.flat.runs import Run, Runs
from semscore.udfs.backends.flat.varlen import Packed
from semscore.udfs.backends.protocol import NotConvertible

# Where transformers lists the parts of a model that it never loads in half precision
KEPT_IN_FLOAT32 = ("_keep_in_fp32_modules", "_keep_in_fp32_modules_strict")


class FlatTransformer:
    """A model of transformers in float32, maybe with a head, which is changed.

    Raises NotConvertible if it does not use transformers' AttentionInterface.
    """

    def __init__(self, inner: Any) -> None:
        self._inner, self._base = inner, inner.base_model
        self._has_head = inner is not self._base
        self._first = first_position(inner)
        self._own_attention = inner.config._attn_implementation
        try:
            inner.set_attn_implementation(NAME)
        except (AttributeError, ValueError) as error:
            raise NotConvertible("its attention cannot be replaced") from error
        if inner.config._attn_implementation != NAME:
            raise NotConvertible("its attention cannot be replaced")
        self._pooler = getattr(self._base, "pooler", None)
        self._layers = self._base.forward
        self._states: torch.Tensor | None = None
        self.first_only = any(isinstance(part, FirstTokenLayer) for part in inner.modules())
        self._base.forward = self._recall

    def lay_out(self, dtype: torch.dtype) -> None:
        """Lay out the weights of all layers, which then multiply in `dtype`.

        Residuals, normalisations, embeddings and a head stay in float32. That costs next to nothing
        and is as exact as OpenVINO's bfloat16. Raises NotConvertible if this torch or CPU cannot do
        it.
        """
        for part in self._base.children():
            if part is not self._pooler:
                lay_out(part, dtype)
        lay_out(self._inner, torch.float32)  # what is left

    def cast(self, dtype: torch.dtype) -> None:
        """Convert all weights to `dtype`, as transformers does when it loads them.

        Buffers, such as the frequencies of rotary positions, stay in float32. Raises NotConvertible
        if some weights must stay in float32 too.
        """
        if any(getattr(self._inner, name, None) for name in KEPT_IN_FLOAT32):
            raise NotConvertible("some of its weights must stay in float32")
        for weight in self._inner.parameters():
            weight.data = weight.data.to(dtype)

    @contextmanager
    def padded(self) -> Iterator[None]:
        """Let the transformer run as it did before, on padded texts."""
        self._inner.set_attn_implementation(self._own_attention)
        try:
            yield
        finally:
            self._inner.set_attn_implementation(NAME)

    def run(
        self,
        ids: torch.Tensor,
        types: torch.Tensor | None,
        places: torch.Tensor,
        texts: Runs | Packed,
    ) -> torch.Tensor:
        """Run all layers on the tokens of k texts: (tokens,) -> (tokens, hidden).

        `places` are those of the tokens in their texts, from 0: (tokens,). If the last layer
        computes only each text's first token, the result is (k, hidden).
        """
        keeps_cache = getattr(self._base.config, "use_cache", False)  # as decoders do
        options: dict[str, Any] = {"use_cache": False} if keeps_cache else {}
        if types is not None:
            options["token_type_ids"] = types[None]
        try:
            found = self._layers(
                input_ids=ids[None],
                position_ids=places[None] + self._first,
                texts=texts,
                **options,
            )
        except TypeError as error:
            raise NotConvertible(f"it cannot be run without padding: {error}") from error
        states: torch.Tensor = found.last_hidden_state[0]
        return states

    @contextmanager
    def computed(self, states: torch.Tensor, run: Run) -> Iterator[None]:
        """Let the transformer return the states of one run, of those that `run` has returned."""
        own = states[run.text_slice, None] if self.first_only else run.cut(states)[0]
        with self.recalling(own):
            yield

    @contextmanager
    def recalling(self, states: torch.Tensor) -> Iterator[None]:
        """Let the transformer return these states: (k, tokens, hidden)."""
        self._states = states
        try:
            yield
        finally:
            self._states = None

    def _recall(self, *arguments: Any, **options: Any) -> Any:
        if self._states is None:
            return self._layers(*arguments, **options)
        pooled = self._pooler(self._states) if self._pooler and self._has_head else None
        return Output(last_hidden_state=self._states, pooler_output=pooled)


def first_position(inner: Any) -> int:
    """Return the position of a text's first token.

    RoBERTa and its relatives count from behind the padding's index (as sentence-transformers'
    `_infer_flatten_position_offset` says), the others from 0.
    """
    for module in inner.modules():
        table = getattr(module, "position_embeddings", None)
        padding = getattr(module, "padding_idx", None)
        if isinstance(table, torch.nn.Embedding) and isinstance(padding, int):
            return padding + 1
    return 0
