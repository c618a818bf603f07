"""Token ids where the model runs: sent there once, cut into padded batches there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semscore.udfs.metrics import Rows
from semscore.udfs.reader import TokenReader
from semscore.udfs.tokens import Tokens


class DeviceTokens:
    """Token ids of n texts, on a device."""

    def __init__(self, tokens: Tokens, device: torch.device) -> None:
        self.lengths = tokens.lengths
        self.truncated = tokens.truncated
        self._ids = to_device(tokens.ids, device)
        self._starts = to_device(tokens.starts, device)

    def features(self, rows: Rows, reader: TokenReader) -> dict[str, Any]:
        """The transformer's input for k texts: tensors (k, tokens of the longest)."""
        width = int(self.lengths[rows].max())
        device = self._ids.device
        chosen = to_device(rows, device)
        starts = self._starts[chosen][:, None]
        lengths = self._starts[chosen + 1][:, None] - starts
        places = torch.arange(width, device=device)[None, :]
        if reader.pad_left:
            places = places - (width - lengths)
        mask = (places >= 0) & (places < lengths)
        ids = self._ids[torch.where(mask, starts + places, 0)].long()
        features: dict[str, Any] = {
            "input_ids": ids.masked_fill(~mask, reader.pad_id),
            "attention_mask": mask.long(),
            "modality": "text",
        }
        if reader.type_ids:
            features["token_type_ids"] = torch.zeros_like(ids)
        return features


class DeviceVectors:
    """n vectors of float32 that stay on a device; rows go in and come out without a wait."""

    def __init__(self, n: int, dim: int, device: torch.device) -> None:
        self._tensor = torch.zeros(n, dim, device=device)

    def __setitem__(self, rows: Rows, values: torch.Tensor) -> None:
        self._tensor.index_copy_(0, to_device(rows, self._tensor.device), values)

    def __getitem__(self, rows: Rows) -> torch.Tensor:
        return self._tensor.index_select(0, to_device(rows, self._tensor.device))


def to_device(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor on `device`; through pinned memory, so that nobody waits for it."""
    tensor = torch.from_numpy(np.require(values, requirements="W"))
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
