"""Attention in texts that lie one after another, by torch's kernel for varying lengths.

One call of the kernel serves all texts of a batch, whatever their lengths. It exists for GPUs from
compute capability 8.0 on (A100, L4, H100), in half precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeAlias

import torch

LEAST_CAPABILITY = (8, 0)
HALVES = (torch.bfloat16, torch.float16)
TAKEN = {"scale", "window_size"}  # by the kernel of torch 2.11 and later

# Takes queries (n, heads, size), keys and values (m, heads, size), the offsets of both (k + 1,)
# and the tokens of the longest text in both, `scale` and `window_size`: the tokens that are seen
# to the left and right, -1 for all. Returns (n, heads, size).
Kernel: TypeAlias = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Packed:
    """The texts of a batch, in order, for a kernel that takes their offsets."""

    offsets: torch.Tensor  # (k + 1,) int32: the first token of each text, and behind the last text
    tokens: int  # of all texts
    longest: int  # at least the tokens of the longest text
    kernel: Kernel

    def first_tokens(self) -> torch.Tensor:
        """Return the place of each text's first token: (k,). Of a text without tokens: any."""
        return self.offsets[:-1].clamp(max=self.tokens - 1)

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        causal: bool,
        window: int | None,
        scale: float | None,
    ) -> torch.Tensor:
        """Attend within each text: (tokens, heads, size) each -> the same."""
        left = -1 if window is None else window - 1
        offsets, longest = self.offsets, self.longest
        result = self.kernel(
            *(query, _shared(key, query), _shared(value, query)),
            *(offsets, offsets, longest, longest),
            scale=scale,
            window_size=(left, 0 if causal else left),
        )
        return result

    def attend_first(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Attend from one token of each text: (k, heads, size), (tokens, heads, size) twice."""
        each = torch.arange(len(self.offsets), dtype=torch.int32, device=query.device)
        return self.kernel(
            *(query, key, value, each, self.offsets, 1, self.longest),
            scale=query.shape[-1] ** -0.5,
            window_size=(-1, -1),
        )


def varlen_kernel(device: torch.device, dtype: torch.dtype) -> Kernel | None:
    """Return torch's kernel, or None if this torch or this GPU has none for this number format."""
    if device.type != "cuda" or dtype not in HALVES:
        return None
    if torch.cuda.get_device_capability(device) < LEAST_CAPABILITY:
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    kernel: Any = varlen_attn
    return kernel if signature(kernel).parameters.keys() >= TAKEN else None


def _shared(part: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    """Return keys or values with as many heads as the queries, several of which may share one."""
    heads = query.shape[1]
    return part if part.shape[1] == heads else part.repeat_interleave(heads // part.shape[1], 1)
