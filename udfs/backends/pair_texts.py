"""n pairs of texts as a cross-encoder takes them: distinct texts, and their places in the pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from semscore.udfs.backends.protocol import Rows


@dataclass(frozen=True)
class PairTexts:
    """n ordered pairs."""

    firsts: Sequence[str]
    seconds: Sequence[str]
    i: Rows  # (n,) indices of the first texts in `firsts`
    j: Rows  # (n,) indices of the second texts in `seconds`

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> PairTexts:
        """Return pairs that were given one by one."""
        firsts, seconds = zip(*pairs, strict=True)
        places = np.arange(len(firsts))
        return cls(firsts, seconds, places, places)

    def __len__(self) -> int:
        return len(self.i)

    def __getitem__(self, place: int) -> tuple[str, str]:
        return self.firsts[self.i[place]], self.seconds[self.j[place]]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return (self[place] for place in range(len(self)))
