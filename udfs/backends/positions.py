"""The number of tokens for which a loaded model has positions, found from its table look-ups."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from semscore.udfs.gpus.faults import fault_of

FIRST = (2, 3)  # tokens of the texts that reveal tables of positions
CHECKED = 24  # maximum number of tokens of the text that confirms them

Features = dict[str, Any]


class _LookUps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A recorder of each look-up in an embedding table: the table's rows and the highest index."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[tuple[int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.embedding.default:
            self.found.append((args[0].shape[0], int(args[1].max())))
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
def positions(module: torch.nn.Module, features: Features) -> int | None:
    """Return the number of tokens for which a module has positions, or None without a table.

    `features` are those of one text. The module is run on short texts that repeat one token. The
    index into a table of positions grows with each token, while the index into other tables stays
    the same. This works for any architecture, and also finds positions that do not start at row 0.
    """
    try:
        short, longer = (_look_ups(module, features, tokens) for tokens in FIRST)
        grown = [
            (place, rows - last + FIRST[1] - 1)
            for place, ((rows, last), (_, before)) in enumerate(zip(longer, short, strict=True))
            if last - before == FIRST[1] - FIRST[0]
        ]
        if not grown:
            return None
        # Indices of relative positions grow in the same way, but only up to some distance.
        tokens = min(*(most for _, most in grown), CHECKED)
        checked = _look_ups(module, features, tokens)
        confirmed = []
        for place, most in grown:
            rows, last = checked[place]
            if rows - last + tokens - 1 == most:
                confirmed.append(most)
    except Exception as error:
        if fault_of(error) != "texts":
            raise
        return None  # the architecture cannot process such a text
    return min(confirmed, default=None)


def _look_ups(module: torch.nn.Module, features: Features, tokens: int) -> list[tuple[int, int]]:
    """Return a module's look-ups for a text that repeats its first token `tokens` times."""
    text = {
        name: value[:, :1].expand(-1, tokens).contiguous()
        if isinstance(value, torch.Tensor) and value.ndim == 2
        else value
        for name, value in features.items()
    }
    look_ups = _LookUps()
    with look_ups:
        module(text)
    return look_ups.found
