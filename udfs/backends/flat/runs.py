"""Texts that lie one after another, grouped into runs of neighbours of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray


class Run(NamedTuple):
    """Neighbouring texts of equal length."""

    text: int  # number of its first text
    token: int  # number of the first token
    texts: int
    length: int  # tokens of each text

    @property
    def text_slice(self) -> slice:
        """Return the place of its texts among those of the batch."""
        return slice(self.text, self.text + self.texts)

    def cut(self, *values: torch.Tensor) -> list[torch.Tensor]:
        """Return the values of its tokens, by text: (tokens, ...) -> (texts, length, ...)."""
        end = self.token + self.texts * self.length
        shape = (self.texts, self.length)
        return [part[self.token : end].view(*shape, *part.shape[1:]) for part in values]


@dataclass(frozen=True)
class Runs:
    """The texts of a batch, in order."""

    parts: tuple[Run, ...]
    tokens: int  # of all texts
    offsets: torch.Tensor  # (k + 1,) the place of each text's first token, and behind the last text

    @classmethod
    def of(cls, lengths: NDArray[np.int64], offsets: torch.Tensor | None = None) -> Runs:
        """Group texts by their lengths in tokens: (k,).

        `offsets` are the same lengths, summed up, if they are on a device already.
        """
        ends = np.cumsum(lengths)
        begins = ends - lengths
        firsts = np.flatnonzero(np.diff(lengths, prepend=-1))
        counts = np.diff(firsts, append=len(lengths))
        parts = tuple(
            Run(text, token, texts, length)
            for text, token, texts, length in zip(
                *(a.tolist() for a in (firsts, begins[firsts], counts, lengths[firsts])),
                strict=True,
            )
        )
        if offsets is None:
            offsets = torch.from_numpy(np.concatenate([[0], ends]))
        return cls(parts, int(ends[-1]), offsets)

    def first_tokens(self) -> torch.Tensor:
        """Return the place of each text's first token: (k,)."""
        return self.offsets[:-1]
