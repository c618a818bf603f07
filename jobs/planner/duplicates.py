"""Count how often texts are embedded: once in each window that they occur in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semscore.jobs.planner.estimate import Estimate, mean_of_groups
from semscore.jobs.planner.sample import Chunk
from semscore.udfs.pairs.scoring import Prompts, lay_out

MIN_GROUPS = 8  # with fewer chunks, each chunk is divided into several groups


@dataclass(frozen=True)
class SampledRows:
    """A sample's rows: statuses of all of them, and texts of the m rows that can be scored."""

    statuses: dict[str, int]  # ok, null, blank -> rows
    texts: tuple[tuple[str, int], ...]  # distinct; text, and 0 or 1 for its prompt
    codes: NDArray[np.int64]  # (m, 2): indices of each row's texts
    chunk: NDArray[np.int64]  # (m,) number of the row's chunk
    place: NDArray[np.int64]  # (m,) position in the chunk
    chunk_rows: NDArray[np.int64]  # (chunks,) rows of each chunk, scored or not
    seen: float  # share of the dataset that is in the sample; 1: all of it

    @property
    def rows(self) -> int:
        """Number of all rows in the sample."""
        return int(self.chunk_rows.sum())

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Group number of each row: (m,). Differences between groups give a mean's uncertainty."""
        parts = -(-MIN_GROUPS // len(self.chunk_rows))
        size = np.maximum(-(-self.chunk_rows[self.chunk] // parts), 1)
        groups: NDArray[np.int64] = self.chunk * parts + self.place // size
        return groups

    def weights(self, window_rows: int, lanes: int = 1) -> NDArray[np.float64]:
        """Return how often each row's texts are embedded: (m, 2), 1/n if the window has n of one.

        `lanes`: number of tasks among which a shuffle distributes neighbouring rows. A window's
        rows then come from a longer stretch than one chunk, so there may be more repeats than
        are counted here.
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
        """Return the mean per row of the dataset of `values` (k,), known for `rows` (k,).

        Rows that cannot be scored count as 0.
        """
        groups = self.groups[rows]
        known, at = np.unique(groups, return_inverse=True)
        scored = np.bincount(self.groups)[known]
        drawn = np.bincount(at)
        sums = np.bincount(at, values) * scored / drawn
        sizes = scored * self.rows / max(len(self.chunk), 1)
        return mean_of_groups(sums, sizes, self.seen if len(groups) == len(self.groups) else 0.0)

    def distinct_share(self, window_rows: int, lanes: int = 1) -> Estimate:
        """Return the texts embedded as a share of all texts, which are two per row."""
        return self.mean(self.weights(window_rows, lanes).sum(axis=1) / 2).within(0.0, 1.0)

    def distinct_in_all(self, within_window: Estimate) -> Estimate:
        """Return bounds of the dataset's distinct texts as a share of all its texts.

        The upper bound is the share in windows or in this sample, whichever is lower, because
        more rows only lower the share. The lower bound counts the distinct texts of the sample
        alone. A sample cannot show where the share lies between the two.
        """
        share = len(self.texts) / max(2 * self.rows, 1)
        most = share if self.seen >= 1 else min(share, within_window.high)
        return Estimate(min(share * self.seen, most), most, most)


def lay_out_sample(chunks: Sequence[Chunk], prompts: Prompts, seen: float) -> SampledRows:
    """Determine the statuses and distinct texts of a sample, by the engine's own rules."""
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
