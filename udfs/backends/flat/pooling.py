"""From the states of texts that lie one after another to one vector for each text.

The usual poolings are computed without padding. Whatever else comes after a transformer gets the
states padded, as if they came from a padded pass.
"""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling

AFTER = (Dense, Normalize)  # modules that take one vector for each text
VECTORS = "sentence_embedding"


class FlatPooling:
    """A Pooling of sentence-transformers: (tokens, hidden) -> (k, modes * hidden) float32."""

    def __init__(self, pooling: Pooling) -> None:
        modes = pooling.pooling_mode
        self._modes = (modes,) if isinstance(modes, str) else tuple(modes)
        self.includes_prompt = pooling.include_prompt

    @classmethod
    def of(cls, model: Any) -> FlatPooling | None:
        """Return the pooling of a model, or None if its modules need the states padded."""
        _, *modules = model
        if not modules or type(modules[0]) is not Pooling:
            return None
        for module in modules[1:]:
            if type(module) not in AFTER:
                return None
            if getattr(module, "module_input_name", VECTORS) != VECTORS:
                return None
        return cls(modules[0])

    def __call__(
        self, states: torch.Tensor, places: torch.Tensor, offsets: torch.Tensor
    ) -> torch.Tensor:
        """Pool the states of k texts, each of which has tokens.

        `places` are those of the tokens in their texts, from 0: (tokens,), `offsets` the first
        token of each text and behind the last text: (k + 1,).
        """
        counts = offsets.diff()[:, None].float()

        def summed(values: torch.Tensor) -> torch.Tensor:
            return _by_text(values, "sum", offsets)

        def weighted() -> torch.Tensor:
            weights = (places + 1)[:, None].float()
            return summed(states.float() * weights) / (counts * (counts + 1) / 2)

        results = {
            "cls": lambda: states[offsets[:-1]],
            "lasttoken": lambda: states[offsets[1:] - 1],
            "max": lambda: _by_text(states, "max", offsets),
            "mean": lambda: summed(states) / counts,
            "mean_sqrt_len_tokens": lambda: summed(states) / counts.sqrt(),
            "weightedmean": weighted,
        }
        return torch.cat([results[mode]().float() for mode in self._modes], dim=-1)


def padded(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Spread the states of k texts to where a mask has ones: (tokens, hidden) -> (k, n, hidden).

    The mask (k, n) has as many ones in each row as the text has tokens. Elsewhere the states are 0.
    """
    real = mask.bool()
    places = (real.view(-1).cumsum(0) - 1).clamp(min=0).view(real.shape)
    return states[places].masked_fill(~real[..., None], 0)


def _by_text(values: torch.Tensor, reduction: str, offsets: torch.Tensor) -> torch.Tensor:
    """Reduce the values of each text in float32, in the order of its tokens: -> (k, hidden).

    So the result does not depend on the other texts. `unsafe` leaves out a check that would wait
    for the device.
    """
    result: torch.Tensor = torch.segment_reduce(
        values.float(), reduction, offsets=offsets, axis=0, unsafe=True
    )
    return result
