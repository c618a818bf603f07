"""Attention among the tokens of each text, for transformers' AttentionInterface.

transformers hands the keyword `texts` of a model's forward pass down to this function.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.modeling_utils import AttentionInterface

from semscore.udfs.backends.flat.runs import Run, Runs
from semscore.udfs.backends.flat.varlen import Packed

NAME = "semscore_flat"
REGISTER = 16  # numbers in float32 (AVX-512)
# Up to so many multiplications in a call, torch computes products of bfloat16 itself. It hands more
# to oneDNN, which rounds otherwise (`checksize` in ATen/native/mkldnn/Matmul.cpp).
SMALL = 16**3


def flat_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *_: Any,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    texts: Runs | Packed | None = None,
    **__: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each text: (1, heads, tokens, size) -> (1, tokens, heads, size).

    Without `texts`, all rows are texts of one length: (k, heads, tokens, size). What a text's
    attention gives depends on its length and the number format, never on the other texts of the
    batch. Raises ValueError for a mask, because nothing is padded.
    """
    if attention_mask is not None:
        raise ValueError("texts without padding take no attention mask")
    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    rows, heads, tokens, _size = query.shape
    if texts is None:
        offsets = tokens * torch.arange(rows + 1, device=query.device)
        texts = Runs((Run(0, 0, rows, tokens),), rows * tokens, offsets)
    # Rotary positions and normalised queries come in float32.
    flat = [
        part.to(value.dtype).transpose(1, 2).reshape(texts.tokens, part.shape[1], part.shape[3])
        for part in (query, key, value)
    ]
    if isinstance(texts, Packed):
        q, k, v = flat
        out = texts.attend(q, k, v, causal, sliding_window, scaling)
        return out.view(rows, tokens, *out.shape[1:]), None
    out = value.new_empty(texts.tokens, heads, value.shape[3])
    for run in texts.parts:
        q, k, v = (part.transpose(1, 2) for part in run.cut(*flat))
        if k.shape[1] < heads:  # several queries share a key and a value
            k, v = (part.repeat_interleave(heads // part.shape[1], 1) for part in (k, v))
        mask = _window(run.length, sliding_window, causal, value.device)
        attended = _attend(q, k, v, mask, causal, scaling)
        run.cut(out)[0].copy_(attended.transpose(1, 2))
    return out.view(rows, tokens, *out.shape[1:]), None


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scaling: float | None,
) -> torch.Tensor:
    """Attend in texts of equal length: (k, heads, tokens, size) each -> the same."""
    on_cpu = value.device.type == "cpu"
    if not on_cpu or value.dtype == torch.float32 or mask is not None or causal:
        masked = mask is not None
        return scaled_dot_product_attention(
            query, key, value, mask, is_causal=causal and not masked, scale=scaling
        )
    # In bfloat16, torch's own function is slower than its parts on CPUs, and its softmax is slower
    # than in float32. It computes rows shorter than a register number by number.
    texts, heads, tokens, size = query.shape
    q, k, v = (part.reshape(texts * heads, tokens, -1) for part in (query, key, value))
    enough = SMALL // (heads * tokens * tokens * size) + 1
    if texts < enough:  # a few short texts, so that their number would decide how they are rounded
        q, k, v = (part.repeat(-(-enough // texts), 1, 1) for part in (q, k, v))
    scale = size**-0.5 if scaling is None else scaling
    weights = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=scale).float()
    if tokens < REGISTER:
        weights.sub_(weights.amax(-1, keepdim=True)).exp_()
        weights.div_(weights.sum(-1, keepdim=True))
    else:
        weights = weights.softmax(-1)
    attended = torch.bmm(weights.to(v.dtype), v)
    return attended[: texts * heads].view(texts, heads, tokens, -1)


@lru_cache(maxsize=64)
def _window(
    tokens: int, window: int | None, causal: bool, device: torch.device
) -> torch.Tensor | None:
    """Return which tokens each token sees if the window is shorter than the text: (n, n) bool."""
    if window is None or tokens <= window:
        return None
    place = torch.arange(tokens, device=device)
    apart = place[:, None] - place[None, :]
    seen = apart.abs() < window
    return seen & (apart >= 0) if causal else seen


AttentionInterface.register(NAME, flat_attention)
