"""The loop on a worker: windows, one model that stays, meters."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.udfs import worker
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe

ENGINE = Engine(window_rows=4)
PAIRS = [(f"t{i}", f"u{i}") for i in range(10)]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, make_backend: Any) -> list[Recipe]:
    """The recipes for which a model was loaded; the model is the fake one."""
    import torch

    from semscore.udfs.backends import torch as backends

    recipes: list[Recipe] = []

    def load(folder: Any, recipe: Recipe, device: str) -> Any:
        assert (folder, device) == (tmp_path, "cpu")
        recipes.append(recipe)
        return make_backend(default_prompt="", poison=("poison",))

    monkeypatch.setattr(backends, "TorchBackend", load)
    monkeypatch.setattr(worker, "local_folder", lambda *_: tmp_path)
    monkeypatch.setattr(worker, "_resident", None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    return recipes


def batch(pairs: Sequence[tuple[Any, Any]]) -> worker.TextColumns:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return pd.Series(first, dtype=object), pd.Series(second, dtype=object)


def run(
    pairs: Sequence[tuple[Any, Any]], recipe: Recipe, engine: Engine = ENGINE, batch_rows: int = 3
) -> tuple[pd.DataFrame, Meters]:
    meters = Meters()
    parts = [batch(pairs[i : i + batch_rows]) for i in range(0, len(pairs), batch_rows)]
    return pd.concat(worker.score_batches(iter(parts), recipe, engine, meters)), meters


def cut(sizes: Sequence[int], max_rows: int, max_bytes: int = 10**9) -> list[list[str]]:
    numbers = iter(range(sum(sizes)))
    batches = [batch([(f"{next(numbers):03}", "right") for _ in range(size)]) for size in sizes]
    found = list(worker.windows(batches, max_rows, max_bytes))
    assert all(set(second) == {"right"} for _, second in found)
    return [first.tolist() for first, _ in found]


# -- windows ---------------------------------------------------------------------------------------


def test_batches_are_joined_and_cut() -> None:
    assert cut([2, 2, 3], max_rows=3) == [["000", "001", "002"], ["003", "004", "005"], ["006"]]


def test_the_first_windows_are_small() -> None:
    assert list(map(len, cut([500] * 10, max_rows=3000))) == [128, 1024, 3000, 848]


def test_a_window_ends_when_its_bytes_are_reached() -> None:
    assert list(map(len, cut([2] * 5, max_rows=100, max_bytes=17))) == [4, 4, 2]


def test_what_a_window_leaves_over_counts_for_the_next() -> None:
    assert list(map(len, cut([15, 1, 9], max_rows=10, max_bytes=48))) == [10, 6, 9]


def test_no_batches_and_empty_batches_make_no_window() -> None:
    assert cut([], max_rows=3) == cut([0, 0], max_rows=3) == []
    assert list(map(len, cut([0, 2, 0, 2, 0], max_rows=3))) == [3, 1]


def test_a_batch_is_not_asked_for_before_it_is_needed() -> None:
    taken: list[int] = []

    def batches() -> Iterator[worker.TextColumns]:
        for number in range(5):
            taken.append(number)
            yield batch([("a", "b"), ("c", "d")])

    found = worker.windows(batches(), 2, 10**9)
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


# -- score_batches ---------------------------------------------------------------------------------


def test_rows_come_back_in_order_as_frames_of_score_and_status(loaded: list[Recipe]) -> None:
    found, _ = run(PAIRS, Recipe(metric="manhattan"))
    assert found.columns.tolist() == ["score", "status"]
    assert found["score"].dtype == np.float32
    # "ti" and "ui" differ by 1 in the code points' sum and in the first character
    assert found["score"].tolist() == [-2.0] * 10
    assert found["status"].tolist() == ["ok"] * 10


def test_windows_do_not_show_in_the_result(loaded: list[Recipe]) -> None:
    pairs = [("a" * (i % 5), "b" * (i % 3)) for i in range(50)] + [(None, "x"), ("y", math.nan)]
    expected, _ = run(pairs, Recipe(), Engine())
    for window_rows in (1, 2, 7, 52):
        found, _ = run(pairs, Recipe(), Engine(window_rows=window_rows), batch_rows=5)
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
        )


def test_the_model_is_loaded_once_for_all_calls(loaded: list[Recipe]) -> None:
    recipe = Recipe(model="m")
    for _ in range(3):
        run(PAIRS, recipe)
    assert loaded == [recipe]


@pytest.mark.parametrize(
    "change",
    [{"metric": "dot"}, {"prompt1": "q:"}, {"prompt2": ""}, {"prompt1": "", "metric": "dot"}],
)
def test_metric_and_prompts_need_no_other_model(
    loaded: list[Recipe], change: dict[str, Any]
) -> None:
    run(PAIRS, Recipe())
    found, _ = run(PAIRS, Recipe(**change))
    assert len(loaded) == 1
    worker._resident = None
    afresh, _ = run(PAIRS, Recipe(**change))
    pd.testing.assert_frame_equal(found, afresh)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"revision": "v2"},
        {"precision": "bfloat16"},
        {"max_seq_length": 7},
        {"truncate_dim": 2},
    ],
)
def test_what_changes_the_model_loads_it_again(
    loaded: list[Recipe], change: dict[str, Any]
) -> None:
    run(PAIRS, Recipe())
    run(PAIRS, Recipe(**change))
    assert loaded == [Recipe(), Recipe(**change)]


def test_another_engine_is_obeyed(loaded: list[Recipe]) -> None:
    run(PAIRS, Recipe(), Engine(batch_size=1))
    _, meters = run(PAIRS, Recipe(), Engine(batch_size=5))
    assert meters.batches == 4  # 20 distinct texts


def test_an_empty_task_loads_no_model(loaded: list[Recipe]) -> None:
    assert list(worker.score_batches(iter([]), Recipe(), ENGINE, Meters())) == []
    assert list(worker.score_batches(iter([batch([])]), Recipe(), ENGINE, Meters())) == []
    assert loaded == []


def test_a_model_that_cannot_be_loaded_is_tried_again_next_time(
    loaded: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(PAIRS, Recipe(model="good"))
    with monkeypatch.context() as patch:
        patch.setattr(worker, "local_folder", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(PAIRS, Recipe(model="bad"))
    run(PAIRS, Recipe(model="good"))
    assert [recipe.model for recipe in loaded] == ["good", "good"]


@pytest.mark.parametrize(
    ("values", "kind"), [([1.5, 2.5], "float"), ([1, 2], "int"), ([b"a", b"b"], "bytes")]
)
def test_a_column_that_is_not_text_is_refused(
    loaded: list[Recipe], values: list[Any], kind: str
) -> None:
    columns = (pd.Series(values), pd.Series(["a", "b"]))
    with pytest.raises(TypeError, match=rf"takes string columns, got \['{kind}'\]; cast them"):
        list(worker.score_batches(iter([columns]), Recipe(), ENGINE, Meters()))


def test_none_and_nan_are_null(loaded: list[Recipe]) -> None:
    found, _ = run([(None, "b"), ("a", math.nan), (pd.NA, None), ("a", "b")], Recipe())
    assert found["status"].tolist() == ["null", "null", "null", "ok"]
    assert found["score"].isna().tolist() == [True, True, True, False]


def test_a_column_of_nothing_but_nulls_is_text(loaded: list[Recipe]) -> None:
    columns = (pd.Series([None, None]), pd.Series([math.nan, math.nan]))
    [found] = worker.score_batches(iter([columns]), Recipe(), ENGINE, Meters())
    assert found["status"].tolist() == ["null", "null"]


def test_the_first_status_that_applies_counts(loaded: list[Recipe]) -> None:
    long, bad = "much too long", "poison"
    found, meters = run([(None, " "), (" ", bad), (bad, long), (long, "a"), ("a", "b")], Recipe())
    assert found["status"].tolist() == ["null", "blank", "error", "truncated", "ok"]
    assert meters.statuses == dict.fromkeys(["null", "blank", "error", "truncated", "ok"], 1)


def test_closing_early_leaves_a_worker_that_works(loaded: list[Recipe]) -> None:
    meters = Meters()
    scores = worker.score_batches(iter([batch(PAIRS)] * 5), Recipe(), ENGINE, meters)
    assert len(next(scores)) == 4
    scores.close()
    assert meters.rows == 4
    found, again = run(PAIRS, Recipe())
    assert len(found) == again.rows == 10
    assert len(loaded) == 1
    assert meters.rows == 4  # the later task counted for itself


def test_two_tasks_that_take_turns_count_apart(loaded: list[Recipe]) -> None:
    one, two = Meters(), Meters()
    first = worker.score_batches(iter([batch(PAIRS)]), Recipe(), ENGINE, one)
    second = worker.score_batches(iter([batch(PAIRS[:8])]), Recipe(), ENGINE, two)
    for _ in range(2):
        next(first)
        next(second)
    list(first), list(second)
    assert (one.rows, two.rows) == (10, 8)
    assert (one.tokens, two.tokens) == (40, 32)


def test_meters_tell_what_was_done(loaded: list[Recipe]) -> None:
    pairs = [("a", "bb"), ("a", "a"), (None, "bb"), ("ccc", "a")]
    _, meters = run(pairs, Recipe())
    assert (meters.rows, meters.texts, meters.distinct_texts) == (4, 8, 3)
    assert meters.tokens == 1 + 2 + 3
    assert meters.statuses == {"ok": 3, "null": 1}
    assert meters.workers == {f"{socket.gethostname()} {os.getpid()} cpu": 4}
    assert sum(meters.score_hist.values()) == 3
    assert meters.token_hist == {0: 1, 1: 2}
    assert meters.peak_rss_bytes > 10_000_000
    assert min(meters.compare_s, meters.tokenize_s, meters.forward_s, meters.load_s) > 0


def test_the_hub_is_not_asked_once_a_model_is_there(loaded: list[Recipe]) -> None:
    run(PAIRS, Recipe())
    assert os.environ["HF_HUB_OFFLINE"] == "1"
