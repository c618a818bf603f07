"""How often a text is embedded: once in each window that it occurs in, as the engine does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semscore.jobs.planner.estimate import Estimate, mean_of_groups
from semscore.jobs.planner.sample import Chunk
from semscore.udfs.pairs.scoring import Prompts, lay_out

MIN_GROUPS = 8  # where there are fewer chunks, their parts are compared


@dataclass(frozen=True)
class SampledRows:
    """The m rows of a sample that can be scored, and those that cannot."""

    statuses: dict[str, int]  # ok, null, blank -> rows
    texts: tuple[tuple[str, int], ...]  # distinct: text, and which of the two prompts it has
    codes: NDArray[np.int64]  # (m, 2): each row's texts among them
    chunk: NDArray[np.int64]  # (m,)
    place: NDArray[np.int64]  # (m,) in the chunk
    chunk_rows: NDArray[np.int64]  # (chunks,) all rows
    seen: float  # share of the dataset that the sample is; 1: all

    @property
    def rows(self) -> int:
        """All rows of the sample."""
        return int(self.chunk_rows.sum())

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Groups of neighbours whose differences show how sure a mean is: (m,)."""
        parts = -(-MIN_GROUPS // len(self.chunk_rows))
        size = np.maximum(-(-self.chunk_rows[self.chunk] // parts), 1)
        groups: NDArray[np.int64] = self.chunk * parts + self.place // size
        return groups

    def weights(self, window_rows: int, lanes: int = 1) -> NDArray[np.float64]:
        """How many times each text of each row is embedded: (m, 2), 1/n if its window has n.

        `lanes`: tasks among which a shuffle deals out neighbouring rows. Then a window's rows
        come from a longer stretch than a chunk is: the repeats found are the least there are.
        """
        place = self.place // lanes
        lane = self.chunk * lanes + self.place % lanes
        window = lane * (int(place.max(initial=0)) // window_rows + 1) + place // window_rows
        keys = window[:, None] * max(len(self.texts), 1) + self.codes
        _, where, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return np.asarray(1.0 / counts[where.reshape(-1)]).reshape(keys.shape)

    def mean(
        self, values: NDArray[np.float64], rows: NDArray[np.int64] | slice = slice(None)
    ) -> Estimate:
        """Per row of the dataset, of a figure of some of the rows: (k,). Not scored rows have 0."""
        groups = self.groups[rows]
        known, at = np.unique(groups, return_inverse=True)
        scored = np.bincount(self.groups)[known]
        drawn = np.bincount(at)
        sums = np.bincount(at, values) * scored / drawn
        sizes = scored * self.rows / max(len(self.chunk), 1)
        return mean_of_groups(sums, sizes, self.seen if len(groups) == len(self.groups) else 0.0)

    def distinct_share(self, window_rows: int, lanes: int = 1) -> Estimate:
        """Texts embedded, as a share of all texts, two a row."""
        return self.mean(self.weights(window_rows, lanes).sum(axis=1) / 2).within(0.0, 1.0)

    def distinct_in_all(self, within_window: Estimate) -> Estimate:
        """Distinct texts of the whole dataset as a share of all its texts: bounds, no more.

        At most as many as in windows and as in this sample, for with more rows their share only
        falls; at least those seen. A sample cannot tell where between.
        """
        here = len(self.texts) / max(2 * self.rows, 1)
        most = here if self.seen >= 1 else min(here, within_window.high)
        return Estimate(min(here * self.seen, most), most, most)


def lay_out_sample(chunks: Sequence[Chunk], prompts: Prompts, seen: float) -> SampledRows:
    """Statuses and distinct texts of a sample, by the engine's own rules."""
    statuses: dict[str, int] = {}
    known: dict[tuple[str, int], int] = {}
    codes, chunk, place = [], [], []
    for number, rows in enumerate(chunks):
        pairs = lay_out(rows.texts1, rows.texts2, prompts)
        for status in pairs.status.tolist():
            statuses[status] = statuses.get(status, 0) + 1
        places = [
            np.array([known.setdefault((text, side), len(known)) for text in texts], np.int64)
            for side, texts in enumerate(pairs.texts)
        ]
        codes.append(np.column_stack([places[0][pairs.i], places[-1][pairs.j]]))
        chunk.append(np.full(len(pairs.rows), number))
        place.append(pairs.rows)
    return SampledRows(
        statuses=statuses,
        texts=tuple(known),
        codes=np.concatenate(codes),
        chunk=np.concatenate(chunk),
        place=np.concatenate(place),
        chunk_rows=np.array([len(rows) for rows in chunks]),
        seen=seen,
    )
