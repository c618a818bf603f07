"""Token IDs on the model's device: transferred once, then divided into batches there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.tokens import Tokens

if TYPE_CHECKING:
    from semscore.udfs.backends.readers import Reader


@dataclass(frozen=True)
class PackedTokens:
    """Token IDs of k texts or pairs on a device, one after another."""

    ids: torch.Tensor  # (tokens,) int64
    places: torch.Tensor  # (tokens,) int64: each token's place in its text, from 0
    types: torch.Tensor | None  # (tokens,) int64: 1 in second texts, if the model takes types
    offsets: torch.Tensor  # (k + 1,) int32: the first token of each text, and behind the last text


class DeviceTokens:
    """Token IDs of n texts or pairs on a device."""

    def __init__(self, tokens: Tokens, device: torch.device) -> None:
        self.lengths = tokens.lengths
        self.truncated = tokens.truncated
        self.refused = tokens.refused
        self._ids = to_device(tokens.ids, device)
        self._starts = to_device(tokens.starts, device)
        second = tokens.before_second
        self._before_second = None if second is None else to_device(second, device)

    def features(self, rows: Rows, reader: Reader) -> dict[str, Any]:
        """Return the model's input for k texts: tensors (k, tokens of the longest).

        A table of token vectors, which takes no special tokens, gets all IDs one after another, and
        the offsets at which the texts begin.
        """
        if not reader.specials:
            return self._one_after_another(rows)
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
            types = mask & False
            if self._before_second is not None:
                types = mask & (places >= self._before_second[chosen][:, None])
            features["token_type_ids"] = types.long()
        return features

    def packed(self, rows: Rows, lengths: NDArray[np.int64], reader: Reader) -> PackedTokens:
        """Return the first lengths[i] tokens of text rows[i], for k texts: (k,), (k,).

        A text may occur several times. Transfers one array to the device, and does not wait.
        """
        device = self._ids.device
        chosen, counts = to_device(np.stack([rows, lengths]), device)
        tokens = int(lengths.sum())
        offsets = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        text = torch.repeat_interleave(counts, output_size=tokens)
        places = torch.arange(tokens, device=device) - offsets[text]
        ids = self._ids[self._starts[chosen][text] + places].long()
        types = None
        if reader.type_ids:
            types = torch.zeros_like(places)
            if self._before_second is not None:
                types = (places >= self._before_second[chosen][text]).long()
        return PackedTokens(ids, places, types, offsets.int())

    def _one_after_another(self, rows: Rows) -> dict[str, Any]:
        device = self._ids.device
        lengths = self.lengths[rows]
        begins = np.cumsum(lengths) - lengths  # offsets of the texts in the result
        chosen, repeats, offsets = (to_device(a, device) for a in (rows, lengths, begins))
        shift = torch.repeat_interleave(
            self._starts[chosen] - offsets, repeats, output_size=int(lengths.sum())
        )
        places = torch.arange(len(shift), device=device) + shift
        return {"input_ids": self._ids[places].long(), "offsets": offsets}


class DeviceVectors:
    """n float32 vectors that stay on a device. Rows are set and read without synchronisation."""

    def __init__(self, n: int, dim: int, device: torch.device) -> None:
        self._tensor = torch.zeros(n, dim, device=device)

    def __setitem__(self, rows: Rows, values: torch.Tensor) -> None:
        self._tensor.index_copy_(0, to_device(rows, self._tensor.device), values)

    def __getitem__(self, rows: Rows) -> torch.Tensor:
        return self._tensor.index_select(0, to_device(rows, self._tensor.device))


def to_device(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Return an array as a tensor on `device`.

    A GPU copies it from pinned memory, so that this does not wait.
    """
    tensor = torch.from_numpy(np.require(values, requirements="W"))
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
