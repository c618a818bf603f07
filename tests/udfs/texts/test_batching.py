"""Batches: every text once, neighbours in length together, within the budget."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semscore.udfs.backends.openvino.widths import rounded_up
from semscore.udfs.texts.batching import batches


def cut(
    lengths: list[int], token_budget: int, max_texts: int | None = None, stretch: float = 2
) -> list[list[int]]:
    cuts = batches(np.array(lengths, dtype=np.int64), token_budget, max_texts, stretch)
    return [rows.tolist() for rows in cuts]


def test_the_longest_come_first_and_equals_keep_their_order() -> None:
    assert cut([3, 9, 3, 5, 9], token_budget=18) == [[1, 4], [3, 0, 2]]


def test_padding_counts_against_the_budget() -> None:
    assert cut([4, 3, 3, 3, 3], token_budget=8) == [[0, 1], [2, 3], [4]]


def test_no_text_is_padded_beyond_twice_its_length() -> None:
    assert cut([8, 4, 3, 8, 1, 2], token_budget=100) == [[0, 3, 1], [2, 5], [4]]


def test_without_stretch_only_equals_share_a_batch() -> None:
    assert cut([8, 4, 3, 8, 4, 4], token_budget=8, stretch=1) == [[0], [3], [1, 4], [5], [2]]


def test_a_text_beyond_the_budget_is_a_batch_of_its_own() -> None:
    assert cut([5, 100, 5], token_budget=10) == [[1], [0, 2]]


def test_texts_per_batch_are_bounded_too() -> None:
    assert cut([2, 2, 2, 2, 2], token_budget=100, max_texts=2) == [[0, 1], [2, 3], [4]]


def test_no_texts_are_no_batches() -> None:
    assert cut([], token_budget=10) == []


def test_texts_without_tokens_still_come() -> None:
    assert cut([0, 0, 0], token_budget=2) == [[0, 1], [2]]


@given(
    st.lists(st.integers(0, 300), max_size=200),
    st.integers(1, 600),
    st.none() | st.integers(1, 20),
)
def test_every_index_comes_once_and_the_budget_is_kept(
    lengths: list[int], token_budget: int, max_texts: int | None
) -> None:
    found = cut(lengths, token_budget, max_texts)
    assert sorted(row for rows in found for row in rows) == list(range(len(lengths)))
    for rows in found:
        longest = max(lengths[row] for row in rows)
        assert len(rows) * longest <= token_budget or len(rows) == 1
        assert all(2 * max(lengths[row], 1) >= longest for row in rows)
        assert max_texts is None or len(rows) <= max_texts
    in_order = [lengths[row] for rows in found for row in rows]
    assert in_order == sorted(lengths, reverse=True)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=100), st.integers(1, 600))
def test_no_batch_could_have_taken_one_more(lengths: list[int], token_budget: int) -> None:
    found = cut(lengths, token_budget)
    for rows, after in pairwise(found):
        longest, following = lengths[rows[0]], lengths[after[0]]
        assert (len(rows) + 1) * longest > token_budget or 2 * following < longest


def test_lengths_are_rounded_up_to_eight_figures_a_doubling() -> None:
    lengths = np.array([0, 1, 7, 15, 16, 17, 18, 33, 63, 64, 65, 129, 255, 256])
    found = rounded_up(lengths, 8).tolist()
    assert found == [0, 1, 7, 15, 16, 18, 18, 36, 64, 64, 72, 144, 256, 256]


@given(st.integers(1, 100_000), st.sampled_from([4, 8, 16]))
def test_a_length_grows_by_less_than_one_step(length: int, steps: int) -> None:
    [found] = rounded_up(np.array([length]), steps).tolist()
    assert length <= found < length * (1 + 1 / steps) + 1
    assert rounded_up(np.array([found]), steps).tolist() == [found]
