"""How many tokens a loaded model has positions for: seen from what it looks up."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from semscore.udfs.gpus.faults import fault_of

FIRST = (2, 3)  # tokens of the texts by which tables of positions are found
CHECKED = 24  # tokens, at most, of the text by which they are confirmed

Features = dict[str, Any]


class _LookUps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each look-up in an embedding table: the table's rows and the highest index."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[tuple[int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.embedding.default:
            self.found.append((args[0].shape[0], int(args[1].max())))
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
def positions(module: torch.nn.Module, features: Features) -> int | None:
    """Tokens of one text for which a module has positions; None: it has no table of them.

    `features` are those of one text. Short texts of the same token are run: the index into a table
    of positions grows with each token, into any other it does not. So architectures need no names,
    and where positions begin at another row than the first, that is seen too.
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
        # Relative positions grow like that at first, up to some distance.
        tokens = min(*(most for _, most in grown), CHECKED)
        checked = _look_ups(module, features, tokens)
        found = []
        for place, most in grown:
            rows, last = checked[place]
            if rows - last + tokens - 1 == most:
                found.append(most)
    except Exception as error:
        if fault_of(error) != "texts":
            raise
        return None  # an architecture that does not read such a text
    return min(found, default=None)


def _look_ups(module: torch.nn.Module, features: Features, tokens: int) -> list[tuple[int, int]]:
    """What a module looks up for a text that is its first token so many times."""
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
