"""A stand-in on the CPU for torch's kernel of attention in texts of varying lengths."""

from __future__ import annotations

import torch


def varlen_on_cpu(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
) -> torch.Tensor:
    """Attend text by text, as the kernel documents its arguments: (n, heads, size) -> the same."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert query.shape[1:] == key.shape[1:] == value.shape[1:]
    assert int(cu_seq_q[-1]) == len(query) and int(cu_seq_k[-1]) == len(key) == len(value)
    out = torch.full_like(query, float("nan"))
    left, right = (reach if reach >= 0 else len(key) for reach in window_size)
    for number in range(len(cu_seq_q) - 1):
        q0, q1 = cu_seq_q[number : number + 2].tolist()
        k0, k1 = cu_seq_k[number : number + 2].tolist()
        assert q1 - q0 <= max_q and k1 - k0 <= max_k
        if k0 == k1:
            out[q0:q1] = 0
            continue
        # The last query belongs to the last key.
        apart = torch.arange(k1 - k0)[None] - torch.arange(k1 - k0 - (q1 - q0), k1 - k0)[:, None]
        seen = (apart >= -left) & (apart <= right)
        parts = (part.transpose(0, 1) for part in (query[q0:q1], key[k0:k1], value[k0:k1]))
        attended = torch.nn.functional.scaled_dot_product_attention(
            *parts, attn_mask=None if q1 - q0 == 1 < k1 - k0 else seen, scale=scale
        )
        out[q0:q1] = attended.transpose(0, 1)
    return out
