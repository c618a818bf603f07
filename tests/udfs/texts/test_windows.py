"""Arrow batches to windows: every row once, in order, within the bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from semscore.udfs.texts.windows import TextColumns, growing, whole, windows


def batch(pairs: Sequence[tuple[Any, Any]]) -> TextColumns:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return pd.Series(first, dtype=object), pd.Series(second, dtype=object)


def cut(sizes: Sequence[int], max_rows: int, max_bytes: int = 10**9) -> list[list[str]]:
    numbers = iter(range(sum(sizes)))
    batches = [batch([(f"{next(numbers):03}", "right") for _ in range(size)]) for size in sizes]
    found = list(windows(batches, whole(max_rows), max_bytes))
    assert all(set(second) == {"right"} for _, second in found)
    return [first.tolist() for first, _ in found]


def test_batches_are_joined_and_cut() -> None:
    assert cut([2, 2, 3], max_rows=3) == [["000", "001", "002"], ["003", "004", "005"], ["006"]]


def test_the_first_window_is_small() -> None:
    assert list(map(len, cut([500] * 10, max_rows=3000))) == [128, 3000, 1872]


def test_windows_for_a_query_double_until_they_have_all_rows() -> None:
    assert [*islice(growing(1000), 5)] == [128, 256, 512, 1000, 1000]
    assert [*islice(growing(512), 4)] == [128, 256, 512, 512]
    assert [*islice(growing(3), 3)] == [3, 3, 3]


def test_a_window_ends_when_its_bytes_are_reached() -> None:
    assert list(map(len, cut([2] * 5, max_rows=100, max_bytes=17))) == [4, 4, 2]


def test_what_a_window_leaves_over_counts_for_the_next() -> None:
    assert list(map(len, cut([15, 1, 9], max_rows=10, max_bytes=48))) == [10, 6, 9]


def test_no_batches_and_empty_batches_make_no_window() -> None:
    assert cut([], max_rows=3) == cut([0, 0], max_rows=3) == []
    assert list(map(len, cut([0, 2, 0, 2, 0], max_rows=3))) == [3, 1]


def test_a_batch_is_not_asked_for_before_it_is_needed() -> None:
    taken: list[int] = []

    def batches() -> Iterator[TextColumns]:
        for number in range(5):
            taken.append(number)
            yield batch([("a", "b"), ("c", "d")])

    found = windows(batches(), whole(2), 10**9)
    next(found)
    assert taken == [0]


@given(st.lists(st.integers(0, 40), max_size=10), st.integers(1, 60), st.integers(1, 300))
def test_windows_hold_every_row_in_order_within_their_bounds(
    sizes: list[int], max_rows: int, max_bytes: int
) -> None:
    found = cut(sizes, max_rows, max_bytes)
    assert [text for window in found for text in window] == [f"{i:03}" for i in range(sum(sizes))]
    assert all(0 < len(window) <= max_rows for window in found)
    assert all(len(window) * 8 < max_bytes + 8 * max(sizes) for window in found)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=10), st.integers(1, 60))
def test_without_pressure_of_bytes_only_the_last_window_is_short(
    sizes: list[int], max_rows: int
) -> None:
    lengths = list(map(len, cut(sizes, max_rows)))
    assert all(a <= b for a, b in pairwise(lengths[:-1]))
    assert all(length == max_rows for length in lengths[:-1])
