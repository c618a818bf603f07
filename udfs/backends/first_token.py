"""The last layer of a cross-encoder for the first token alone, where its head reads nothing else.

The heads of BERT and its relatives take the vector of the first token. The last layer's keys and
values need all tokens; its queries, output and feed-forward part do not. Of six layers, this saves
a seventh of the operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from semscore.udfs.backends.flat.runs import Runs
from semscore.udfs.backends.flat.varlen import Packed

# Model types whose layers have the parts of BERT's, under the same names
LIKE_BERT = ("bert", "camembert", "electra", "roberta", "xlm-roberta")
TOLERANCE = 1e-5  # relative to the largest logit, in float32
HALF_TOLERANCE = 0.05


class FirstTokenLayer(torch.nn.Module):
    """A layer of BERT that computes the first token only: (n, tokens, hidden) -> (n, 1, hidden)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention, self.output = layer.attention, layer.output
        self.intermediate = layer.intermediate

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *_: Any,
        texts: Runs | Packed | None = None,
        **__: Any,
    ) -> torch.Tensor:
        """Return the output for the first token. The mask is (n, 1, 1 or tokens, tokens).

        With `texts`, n texts lie one after another: (1, tokens, hidden) -> (1, n, hidden).
        """
        own = self.attention.self
        first = hidden_states[:, :1] if texts is None else hidden_states[:, texts.first_tokens()]
        query, key, value = own.query(first), own.key(hidden_states), own.value(hidden_states)
        if texts is None:
            mask = None if attention_mask is None else attention_mask[..., :1, :]
            attended = self._attend(query, key, value, mask)
        elif isinstance(texts, Packed):
            heads = (own.num_attention_heads, own.attention_head_size)
            split = [part[0].view(-1, *heads) for part in (query, key, value)]
            attended = texts.attend_first(*split).flatten(1)[None]
        else:
            parts = [
                self._attend(query[0, run.text_slice, None], *run.cut(key[0], value[0]))
                for run in texts.parts
            ]
            attended = torch.cat(parts).transpose(0, 1)
        between = self.attention.output(attended, first)
        output: torch.Tensor = self.output(self.intermediate(between), between)
        return output

    def _attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend from the first tokens: (n, 1, hidden), (n, tokens, hidden) -> (n, 1, hidden)."""
        own = self.attention.self
        heads = (own.num_attention_heads, own.attention_head_size)
        q, k, v = (
            part.view(*part.shape[:2], *heads).transpose(1, 2) for part in (query, key, value)
        )
        scale = own.attention_head_size**-0.5
        attended = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
        return attended.transpose(1, 2).flatten(2)


@torch.inference_mode()
def only_first_token(model: Any, word: str) -> bool:
    """Make the last layer of a cross-encoder compute its first token only, if that is the same.

    Returns whether it was changed. `model` is a CrossEncoder; `word` is a text that it can read.
    """
    inner: Any = getattr(model[0], "model", None)
    config = getattr(inner, "config", None)
    if len(model) > 1 or getattr(config, "model_type", None) not in LIKE_BERT:
        return False
    layers = getattr(
        getattr(getattr(inner, inner.base_model_prefix), "encoder", None), "layer", None
    )
    if layers is None:
        return False
    pairs = [(word, word * 5), (word * 9, word)]

    def logits() -> torch.Tensor:
        features = model.preprocess([list(pair) for pair in pairs])
        placed = {
            name: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for name, value in features.items()
        }
        result: torch.Tensor = model[0](placed)["scores"].float()
        return result

    before, last = logits(), layers[-1]
    layers[-1] = FirstTokenLayer(last)
    try:
        after = logits()
    except Exception:  # an architecture may differ in any way
        layers[-1] = last
        return False
    in_full = next(inner.parameters()).dtype == torch.float32
    tolerance = (TOLERANCE if in_full else HALF_TOLERANCE) * float(before.abs().max())
    if not torch.allclose(before, after, rtol=0, atol=tolerance):
        layers[-1] = last
        return False
    return True
