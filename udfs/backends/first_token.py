"""The last layer of a cross-encoder for the first token alone, where its head reads nothing else.

The heads of BERT and its relatives take the vector of the first token. The last layer's keys and
values need all tokens; its queries, output and feed-forward part do not. Of six layers, this saves
a seventh of the operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

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
        **__: Any,
    ) -> torch.Tensor:
        """Return the output for the first token. The mask is (n, 1, 1 or tokens, tokens)."""
        own, first = self.attention.self, hidden_states[:, :1]

        def heads(values: torch.Tensor) -> torch.Tensor:
            shape = (*values.shape[:-1], own.num_attention_heads, own.attention_head_size)
            return values.view(shape).transpose(1, 2)

        attended = scaled_dot_product_attention(
            heads(own.query(first)),
            heads(own.key(hidden_states)),
            heads(own.value(hidden_states)),
            attn_mask=None if attention_mask is None else attention_mask[..., :1, :],
            scale=own.attention_head_size**-0.5,
        )
        between = self.attention.output(attended.transpose(1, 2).flatten(2), first)
        output: torch.Tensor = self.output(self.intermediate(between), between)
        return output


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
