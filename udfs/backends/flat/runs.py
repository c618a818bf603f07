"""Texts that lie one after another, grouped into runs of neighbours of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch


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

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Runs:
        """Group texts by their lengths in tokens: (k,)."""
        parts = []
        text = token = 0
        for length, group in groupby(lengths):
            texts = len(list(group))
            parts.append(Run(text, token, texts, int(length)))
            text, token = text + texts, token + texts * int(length)
        return cls(tuple(parts), token)

    def first_tokens(self) -> torch.Tensor:
        """Return the place of each text's first token: (k,)."""
        return torch.cat([run.token + run.length * torch.arange(run.texts) for run in self.parts])

    def positions(self, first: int) -> torch.Tensor:
        """Return the position of each token in its text, counted from `first`: (1, tokens)."""
        ranges = [torch.arange(run.length).repeat(run.texts) for run in self.parts]
        return torch.cat(ranges)[None] + first
