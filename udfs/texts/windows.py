"""Windows: rows within which repeated texts are embedded once and texts are sorted by length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, TypeAlias

import pandas as pd

TextColumns: TypeAlias = "tuple[pd.Series[Any], ...]"  # of equal lengths

FIRST_ROWS = 128  # rows in the first window of a task


def growing(most: int) -> Iterator[int]:
    """Yield the rows of windows for a query that may need only a few: each twice as many."""
    rows = min(FIRST_ROWS, most)
    while rows < most:
        yield rows
        rows *= 2
    yield from repeat(most)


def whole(most: int) -> Iterator[int]:
    """Yield the rows of windows for a job, which needs all rows.

    The first one is small, so that the model has work while the second one is read.
    """
    return chain([min(FIRST_ROWS, most)], repeat(most))


def windows(
    batches: Iterable[TextColumns], sizes: Iterator[int], max_bytes: int
) -> Iterator[TextColumns]:
    """Cut and join batches into windows of so many rows, or fewer if they have `max_bytes`.

    `sizes` never ends. A window exceeds `max_bytes` by at most one batch. Raises TypeError for a
    column that is not text.
    """
    held: list[TextColumns] = []
    rows = size = 0
    target = next(sizes)
    for batch in batches:
        held.append(batch)
        rows += len(batch[0])
        size += _text_bytes(batch)
        while rows >= target:
            joined = _joined(held)
            yield tuple(column[:target] for column in joined)
            held = [tuple(column[target:] for column in joined)]
            rows, size = rows - target, _text_bytes(held[0])
            target = next(sizes)
        if size >= max_bytes:
            yield _joined(held)
            held, rows, size = [], 0, 0
    if rows:
        yield _joined(held)


def _joined(held: list[TextColumns]) -> TextColumns:
    if len(held) == 1:
        return held[0]
    return tuple(pd.concat(parts, ignore_index=True) for parts in zip(*held, strict=True))


def _text_bytes(columns: TextColumns) -> int:
    """Return the approximate size of the columns' texts, counting one byte per character.

    Python uses one to four bytes for a character.
    """
    return sum(map(_characters, columns))


def _characters(column: pd.Series[Any]) -> int:
    texts = column.to_numpy(dtype=object)
    if set(map(type, texts)) - {str}:
        texts = column.dropna().to_numpy(dtype=object)
    kinds = set(map(type, texts)) - {str}
    if kinds:
        found = sorted(kind.__name__ for kind in kinds)
        raise TypeError(f"texts must be strings, got {found}; cast the column to string")
    return sum(map(len, texts))
