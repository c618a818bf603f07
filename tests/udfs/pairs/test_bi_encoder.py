"""Pairs to scores: each as if it were alone, in order, with the status that comes first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.udfs.pairs.scorer import Scores
from semscore.udfs.recipe import Metric
from semscore.udfs.statuses import STATUSES
from semscore.udfs.texts.windows import TextColumns, whole, windows
from tests.services.scoring import score_pairs

MakeEncoder = Callable[..., Any]  # an Encoder around the fake backend
Pair = tuple[Any, Any]

METRICS: tuple[Metric, ...] = get_args(Metric)
NULLS = (None, math.nan)
BLANKS = ("", " ", "\t\n", "\u3000", "\u00a0 ")

some_text = (
    st.sampled_from(["a", "b", "ab", "a\0b", "a\0c", "poison", "zero", "nan", "long, too long"])
    | st.sampled_from(NULLS + BLANKS)
    | st.text("ab \0漢é\u0301", max_size=9)
)
some_pairs = st.lists(st.tuples(some_text, some_text), max_size=30)
some_prompts = st.tuples(*[st.sampled_from([None, "", "p ", "q: "])] * 2)
thorough = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def series(texts: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(list(texts), dtype=object)


def score(
    pairs: Sequence[Pair], encoder: Any, metric: Metric = "cosine", prompts: Any = (None, None)
) -> Scores:
    firsts, seconds = ([pair[side] for pair in pairs] for side in (0, 1))
    return score_pairs(series(firsts), series(seconds), encoder, metric, prompts)


def by_hand(
    pair: Pair, encoder: Any, metric: Metric, prompts: tuple[str | None, str | None]
) -> tuple[float, str]:
    """Score and status of a pair in plain Python, from the fake backend's definition."""
    if any(text is None or text != text for text in pair):
        return math.nan, "null"
    if any(not text.strip() for text in pair):
        return math.nan, "blank"
    read, cut = [], False
    for text, prompt in zip(pair, prompts, strict=True):
        prompt = encoder.backend.default_prompt if prompt is None else prompt
        cut |= len(text) > encoder.backend.limit
        read.append(prompt + text[: encoder.backend.limit])
    if any(word in text for text in read for word in ("poison", "zero", "nan")):
        return math.nan, "error"
    a, b = (encoder.backend.vector(text) for text in read)
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    apart = [abs(x - y) for x, y in zip(a, b, strict=True)]
    value = {
        "cosine": dot / math.hypot(*a) / math.hypot(*b),
        "dot": dot,
        "euclidean": -math.hypot(*apart),
        "manhattan": -sum(apart),
    }[metric]
    return value, "truncated" if cut else "ok"


def in_batches(pairs: Sequence[Pair], cuts: Sequence[int]) -> list[TextColumns]:
    edges = [0, *sorted(cut % (len(pairs) + 1) for cut in cuts), len(pairs)]
    parts = [pairs[a:b] for a, b in pairwise(edges)]
    return [(series([a for a, _ in part]), series([b for _, b in part])) for part in parts]


@thorough
@given(
    pairs=some_pairs,
    cuts=st.lists(st.integers(0, 30), max_size=4),
    max_rows=st.integers(1, 40),
    max_bytes=st.integers(1, 200),
    token_budget=st.integers(1, 100),
    batch_size=st.none() | st.integers(1, 5),
    prompts=some_prompts,
    metric=st.sampled_from(METRICS),
)
def test_every_pair_is_scored_as_if_it_were_alone(
    make_encoder: MakeEncoder,
    pairs: list[Pair],
    cuts: list[int],
    max_rows: int,
    max_bytes: int,
    token_budget: int,
    batch_size: int | None,
    prompts: tuple[str | None, str | None],
    metric: Metric,
) -> None:
    encoder = make_encoder(token_budget, batch_size, poison=("poison",))
    alone = make_encoder(poison=("poison",))
    scores: list[float] = []
    statuses: list[str] = []
    for texts1, texts2 in windows(in_batches(pairs, cuts), whole(max_rows), max_bytes):
        assert 0 < len(texts1) <= max_rows
        found = score_pairs(texts1, texts2, encoder, metric, prompts)
        scores += found.score.tolist()
        statuses += found.status.tolist()
    expected = [by_hand(pair, alone, metric, prompts) for pair in pairs]
    assert statuses == [status for _, status in expected]
    assert scores == pytest.approx([value for value, _ in expected], rel=1e-6, nan_ok=True)


@thorough
@given(pairs=some_pairs, metric=st.sampled_from(METRICS), prompts=some_prompts)
def test_a_score_does_not_depend_on_its_neighbours_in_the_last_bit(
    make_encoder: MakeEncoder,
    pairs: list[Pair],
    metric: Metric,
    prompts: tuple[str | None, str | None],
) -> None:
    encoder = make_encoder()
    together = score(pairs, encoder, metric, prompts)
    alone = [score([pair], encoder, metric, prompts) for pair in pairs]
    single = np.array([found.score[0] for found in alone], dtype=np.float32)
    assert together.score.tobytes() == single.tobytes()
    assert together.status.tolist() == [found.status[0] for found in alone]


def test_the_first_status_that_applies_counts(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(poison=("poison",))
    long, bad, blank = "long, too long", "poison", " "
    pairs = [(None, blank), (blank, bad), (bad, long), (long, "fine"), ("fine", "good")]
    found = score(pairs, encoder)
    assert found.status.tolist() == ["null", "blank", "error", "truncated", "ok"]
    assert np.isnan(found.score).tolist() == [True, True, True, False, False]
    assert set(found.status) == set(STATUSES)


@pytest.mark.parametrize("null", [*NULLS, pd.NA, pd.NaT])
def test_whatever_pandas_takes_for_a_null_is_one(make_encoder: MakeEncoder, null: Any) -> None:
    found = score([(null, "b"), ("a", null), ("a", "b")], make_encoder())
    assert found.status.tolist() == ["null", "null", "ok"]


@pytest.mark.parametrize("blank", [*BLANKS, "\x1c", "\u2028", "\x85"])
def test_white_space_of_any_kind_is_blank(make_encoder: MakeEncoder, blank: str) -> None:
    assert score([(blank, "b")], make_encoder()).status.tolist() == ["blank"]


@pytest.mark.parametrize("text", ["\0", "\u200b", ".", "0", "\ufeff"])
def test_what_python_does_not_strip_is_a_text(make_encoder: MakeEncoder, text: str) -> None:
    assert score([(text, "b")], make_encoder()).status.tolist() == ["ok"]


def test_nulls_and_blanks_never_reach_the_model(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="")
    score([(None, "x"), ("y", " "), ("a", "b")], encoder)
    assert sorted(encoder.backend.batches) == [["a", "b"]]


def test_no_pairs_and_no_scorable_pairs_are_no_work(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    assert score([], encoder).score.shape == (0,)
    assert len(score([(None, "x")], encoder).token_lengths) == 0
    assert encoder.backend.batches == []


def test_a_repeated_text_is_embedded_once_for_both_columns(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="")
    found = score([("a", "bb"), ("bb", "a"), ("a", "a"), ("ccc", "a")], encoder)
    embedded = [text for batch in encoder.backend.batches for text in batch]
    assert embedded == ["ccc", "bb", "a"]
    assert found.token_lengths.tolist() == [1, 2, 3]
    assert found.items == 8


def test_different_prompts_embed_a_text_once_each(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()
    found = score([("a", "a"), ("a", "b")], encoder, prompts=("q:", "d:"))
    embedded = [text for batch in encoder.backend.batches for text in batch]
    assert embedded == ["q:a", "d:a", "d:b"]
    assert len(found.token_lengths) == 3
    assert found.score[0] < 1  # the prompts tell the same text apart


def test_texts_that_differ_after_a_nul_are_different(make_encoder: MakeEncoder) -> None:
    found = score([("a\0b", "a\0c"), ("a", "a\0")], make_encoder(), "manhattan")
    assert (found.score != 0).all()
    assert len(found.token_lengths) == 4


def test_texts_that_only_look_alike_are_different(make_encoder: MakeEncoder) -> None:
    found = score([("é", "e\u0301"), ("A", "a")], make_encoder())
    assert len(found.token_lengths) == 4


@pytest.mark.parametrize("side", [0, 1])
def test_a_text_that_fills_a_column_is_embedded_once_for_all_windows(
    make_encoder: MakeEncoder, side: int
) -> None:
    encoder = make_encoder(default_prompt="")
    windows_of = [[("a", "x"), ("bb", "x")], [("ccc", "x"), ("a", "x"), (None, "x")]]
    for pairs in windows_of:
        turned = [pair[:: -1 if side == 0 else 1] for pair in pairs]
        together = score(turned, encoder)
        alone = [score([pair], make_encoder(default_prompt="")).score[0] for pair in turned]
        assert together.score.tolist() == pytest.approx(alone, rel=1e-6, nan_ok=True)
    embedded = [text for batch in encoder.backend.batches for text in batch]
    assert sorted(embedded) == ["a", "a", "bb", "ccc", "x"]
    encoder.move("cpu")  # where nothing that was kept is
    score(windows_of[0], encoder)
    assert [text for batch in encoder.backend.batches for text in batch].count("x") == 2


def test_a_failure_is_not_kept(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="", poison=("x",))
    windows_of = [("a", "x"), ("bb", "x")]
    assert score(windows_of, encoder).status.tolist() == ["error", "error"]
    encoder.backend.poison = ()
    assert score(windows_of, encoder).status.tolist() == ["ok", "ok"]


def test_a_score_beyond_float32_is_an_error(
    make_encoder: MakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make_encoder()
    monkeypatch.setattr(encoder.backend, "vector", lambda _: [3e38, 3e38, 3e38])
    assert score([("a", "b")], encoder, "dot").status.tolist() == ["error"]
