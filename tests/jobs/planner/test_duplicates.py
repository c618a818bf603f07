"""How often texts are embedded, by hand and against the engine's own windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore.jobs.planner.duplicates import SampledRows, lay_out_sample, lay_out_texts
from semscore.jobs.planner.sample import Chunk
from semscore.udfs.pairs.layout import distinct_texts
from semscore.udfs.recipe import Prompt
from semscore.udfs.texts.windows import whole, windows

SAME = (Prompt(), Prompt())
MakeChunk = Callable[..., Chunk]


def laid_out(chunks: list[Chunk], prompts: Any = SAME, seen: float = 1.0) -> SampledRows:
    return lay_out_sample(chunks, prompts, "bi-encoder", seen)


def test_a_text_counts_once_in_each_window_in_either_column(chunk: MakeChunk) -> None:
    sampled = lay_out_sample(
        [chunk(["a", "b", "a", "a"], ["b", "c", "d", "a"])], SAME, "bi-encoder", 1.0
    )
    assert len(sampled.items) == 4
    assert sampled.distinct_share(4).mid == 4 / 8
    assert sampled.distinct_share(2).mid == (3 + 2) / 8
    assert sampled.distinct_share(1).mid == (2 + 2 + 2 + 1) / 8
    expected = [[1 / 4, 1 / 2], [1 / 2, 1], [1 / 4, 1], [1 / 4, 1 / 4]]
    assert sampled.weights(4).tolist() == expected


def test_different_prompts_make_different_texts(chunk: MakeChunk) -> None:
    sampled = lay_out_sample(
        [chunk(["a", "b"], ["a", "b"])], (Prompt("q: "), Prompt("p: ")), "bi-encoder", 1.0
    )
    assert sampled.distinct_share(2).mid == 1.0
    assert sampled.items == (("a", 0), ("b", 0), ("a", 1), ("b", 1))


def test_rows_without_two_texts_embed_nothing(chunk: MakeChunk) -> None:
    sampled = lay_out_sample(
        [chunk(["a", None, " ", "b"], ["x", "y", "z", "a"])], SAME, "bi-encoder", 1.0
    )
    assert sampled.statuses == {"ok": 2, "null": 1, "blank": 1}
    assert sampled.distinct_share(4).mid == 3 / 8
    nothing = laid_out([chunk([None], [None])])
    assert nothing.distinct_share(10).mid == 0


def test_a_shuffle_deals_neighbours_out_to_other_tasks(chunk: MakeChunk) -> None:
    texts = ["a", "a", "b", "b", "c", "c", "d", "d"]
    sampled = laid_out([chunk(texts, [f"{i}" for i in range(8)])])
    assert sampled.distinct_share(8).mid == (4 + 8) / 16
    assert sampled.distinct_share(8, lanes=2).mid == (8 + 8) / 16


def test_the_share_is_what_the_engine_finds_in_its_windows() -> None:
    random = np.random.default_rng(1)
    texts = [pd.Series(random.integers(0, 300, 3128).astype(str), dtype=object) for _ in range(2)]
    cut = list(windows([(texts[0], texts[1])], whole(500), 10**9))[1:]  # the first one has 128 rows
    found = sum(len(part) for one in cut for part in distinct_texts(*one, SAME).texts)
    sampled = laid_out([Chunk((texts[0][128:], texts[1][128:]))])
    assert sampled.distinct_share(500).mid == pytest.approx(found / 6000)


def simulated(random: np.random.Generator, rows: int) -> tuple[list[str], list[str]]:
    """A dataset in runs of repeats of random length, more of them in some parts than in others."""
    lengths = 1 + random.poisson(2 + 2 * np.sin(np.arange(rows) / rows * 6), rows)
    first = np.repeat(np.arange(rows), lengths)[:rows]
    return first.astype(str).tolist(), [f"t{i}" for i in random.integers(0, rows, rows)]


def test_the_interval_covers_the_share_of_the_whole_dataset() -> None:
    """12 windows of 100 rows out of 6,000, as the sample takes them: 60 datasets."""
    held = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        texts = [np.array(texts, dtype=object) for texts in simulated(random, 6_000)]
        every = laid_out([Chunk(tuple(map(pd.Series, texts)))]).distinct_share(100).mid
        starts = [k * 5_900 // 11 for k in range(12)]
        chunks = [Chunk(tuple(pd.Series(t[s : s + 100]) for t in texts)) for s in starts]
        found = laid_out(chunks, seen=0.2).distinct_share(100)
        held += found.low <= every <= found.high
    assert held >= 54


def test_of_the_whole_dataset_only_bounds_are_known(chunk: MakeChunk) -> None:
    chunks = [chunk(["a", "b"], ["a", "c"])] * 2  # the same again
    sampled = laid_out(chunks, seen=0.5)
    within = sampled.distinct_share(2)
    bounds = sampled.distinct_in_all(within)
    assert within.mid == 3 / 4
    assert (bounds.low, bounds.high) == (3 / 8 * 0.5, 3 / 8)
    every = laid_out(chunks)
    assert every.distinct_in_all(every.distinct_share(2)).low == 3 / 8


def test_figures_of_some_rows_stand_for_all(chunk: MakeChunk) -> None:
    rows = [str(i) for i in range(1000)]
    sampled: SampledRows = laid_out([chunk(rows, rows)] * 4, seen=0.1)
    values = np.arange(4000.0) % 1000
    some = np.arange(0, 4000, 10)
    assert sampled.mean(values).mid == pytest.approx(499.5)
    found = sampled.mean(values[some], some)
    assert found.low <= 499.5 <= found.high


def test_a_cross_encoder_runs_each_ordered_pair_once(chunk: MakeChunk) -> None:
    rows = chunk(["a", "b", "a", None, "a"], ["b", "a", "b", "x", "c"])
    sampled = lay_out_sample([rows], SAME, "cross-encoder", 1.0)
    assert sampled.items == ((("a", "b"), 0), (("a", "c"), 0), (("b", "a"), 0))
    assert sampled.per_row == 1
    assert sampled.distinct_share(5).mid == 3 / 5
    assert sampled.columns(np.arange(4)) == (["a", "b", "a", "a"], ["b", "a", "b", "c"])


def test_a_text_to_embed_counts_once_in_each_window_in_any_column(chunk: MakeChunk) -> None:
    rows = chunk(["a", "b", None, "a"], ["b", "c", "a", " "])
    sampled = lay_out_texts([rows], 1.0)
    assert sampled.items == (("a", 0), ("b", 0), ("c", 0))
    assert sampled.statuses == {"ok": 6, "null": 1, "blank": 1}
    assert (sampled.per_row, sampled.rows) == (1, 8)
    assert sampled.distinct_share(4).mid == pytest.approx(3 / 8)
    assert sampled.distinct_share(2).mid == pytest.approx((3 + 1) / 8)
