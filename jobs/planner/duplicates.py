"""Count how often texts or pairs are run: once in each window that they occur in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from semscore.jobs.planner.estimate import Estimate, mean_of_groups
from semscore.jobs.planner.sample import Chunk
from semscore.udfs.pairs.layout import distinct_pairs, distinct_texts
from semscore.udfs.recipe import Kind, Prompt
from semscore.udfs.texts.embedder import lay_out_column

Item: TypeAlias = "str | tuple[str, str]"

MIN_GROUPS = 8  # with fewer chunks, each chunk is divided into several groups


@dataclass(frozen=True)
class SampledRows:
    """A sample's rows: statuses of all of them, and items of the m rows that can be scored.

    An item is what the model is run on: a text, two for each row, or a pair, one for each row, if
    the model is a cross-encoder.
    """

    statuses: dict[str, int]  # ok, null, blank -> rows
    items: tuple[tuple[Item, int], ...]  # distinct; text or pair, and 0 or 1 for its prompt
    codes: NDArray[np.int64]  # (m, k): indices of each row's items; k is 2 for texts, 1 for pairs
    chunk: NDArray[np.int64]  # (m,) number of the row's chunk
    place: NDArray[np.int64]  # (m,) position in the chunk
    chunk_rows: NDArray[np.int64]  # (chunks,) rows of each chunk, scored or not
    seen: float  # share of the dataset that is in the sample; 1: all of it

    @property
    def rows(self) -> int:
        """Number of all rows in the sample."""
        return int(self.chunk_rows.sum())

    @property
    def per_row(self) -> int:
        """Number of items of a row that can be scored."""
        return int(self.codes.shape[1])

    def columns(self, rows: NDArray[np.int64]) -> tuple[list[str], list[str]]:
        """Return the first and second texts of k rows that can be scored.

        A row with a single text is a pair of this text with itself.
        """
        pairs = [self._pair(row) for row in self.codes[rows].tolist()]
        return [first for first, _ in pairs], [second for _, second in pairs]

    def _pair(self, codes: list[int]) -> tuple[str, str]:
        found = [self.items[code][0] for code in codes]
        parts = [part for item in found for part in ([item] if isinstance(item, str) else item)]
        return parts[0], parts[-1]

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Group number of each row: (m,). Differences between groups give a mean's uncertainty."""
        parts = -(-MIN_GROUPS // len(self.chunk_rows))
        size = np.maximum(-(-self.chunk_rows[self.chunk] // parts), 1)
        groups: NDArray[np.int64] = self.chunk * parts + self.place // size
        return groups

    def weights(self, window_rows: int, lanes: int = 1) -> NDArray[np.float64]:
        """Return how often each row's items are run: (m, k), 1/n if the window has n of one.

        `lanes`: number of tasks among which a shuffle distributes neighbouring rows. A window's
        rows then come from a longer stretch than one chunk, so there may be more repeats than
        are counted here.
        """
        place = self.place // lanes
        lane = self.chunk * lanes + self.place % lanes
        window = lane * (int(place.max(initial=0)) // window_rows + 1) + place // window_rows
        keys = window[:, None] * max(len(self.items), 1) + self.codes
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
        """Return the items that are run as a share of all items."""
        return self.mean(self.weights(window_rows, lanes).mean(axis=1)).within(0.0, 1.0)

    def distinct_in_all(self, within_window: Estimate) -> Estimate:
        """Return bounds of the dataset's distinct items as a share of all its items.

        The upper bound is the share in windows or in this sample, whichever is lower, because
        more rows only lower the share. The lower bound counts the distinct texts of the sample
        alone. A sample cannot show where the share lies between the two.
        """
        share = len(self.items) / max(self.per_row * self.rows, 1)
        most = share if self.seen >= 1 else min(share, within_window.high)
        return Estimate(min(share * self.seen, most), most, most)


def lay_out_sample(
    chunks: Sequence[Chunk], prompts: tuple[Prompt, Prompt], kind: Kind, seen: float
) -> SampledRows:
    """Determine the statuses and distinct items of a sample, by the engine's own rules."""
    statuses: dict[str, int] = {}
    known: dict[tuple[Item, int], int] = {}
    codes, chunk, place = [], [], []

    def places(items: Iterable[Item], side: int) -> NDArray[np.int64]:
        return np.array([known.setdefault((item, side), len(known)) for item in items], np.int64)

    for number, rows in enumerate(chunks):
        if kind == "cross-encoder":
            pairs = distinct_pairs(*rows.columns)
            codes.append(places(pairs.pairs, 0)[pairs.codes][:, None])
            status, scored = pairs.status, pairs.rows
        else:
            first, second = rows.columns
            texts = distinct_texts(first, second, prompts)
            sides = [prompts.index(prompt) for prompt in texts.prompts]
            found = [places(*part) for part in zip(texts.texts, sides, strict=True)]
            codes.append(np.column_stack([found[0][texts.i], found[-1][texts.j]]))
            status, scored = texts.status, texts.rows
        for name in status.tolist():
            statuses[name] = statuses.get(name, 0) + 1
        chunk.append(np.full(len(scored), number))
        place.append(scored)
    return SampledRows(
        statuses=statuses,
        items=tuple(known),
        codes=np.concatenate(codes),
        chunk=np.concatenate(chunk),
        place=np.concatenate(place),
        chunk_rows=np.array([len(rows) for rows in chunks]),
        seen=seen,
    )


def lay_out_texts(chunks: Sequence[Chunk], seen: float) -> SampledRows:
    """Determine the statuses and distinct texts of a sample of texts that are to be embedded.

    Each text counts as a row of its own, in the same window as the other texts of its row.
    """
    statuses: dict[str, int] = {}
    known: dict[tuple[Item, int], int] = {}
    codes, chunk, place = [], [], []
    for number, rows in enumerate(chunks):
        for texts in rows.columns:
            places: dict[str, int] = {}
            column = lay_out_column(texts, places)
            for name in column.status.tolist():
                statuses[name] = statuses.get(name, 0) + 1
            at = [known.setdefault((text, 0), len(known)) for text in places]
            codes.append(np.array(at, np.int64)[column.codes])
            chunk.append(np.full(len(column.rows), number))
            place.append(column.rows)
    return SampledRows(
        statuses=statuses,
        items=tuple(known),
        codes=np.concatenate(codes)[:, None],
        chunk=np.concatenate(chunk),
        place=np.concatenate(place),
        chunk_rows=np.array([len(rows) * len(rows.columns) for rows in chunks]),
        seen=seen,
    )
