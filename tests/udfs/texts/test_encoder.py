"""Texts to vectors: in order, whatever the batches, and a text that fails fails alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Prompt

MakeEncoder = Callable[..., Any]  # an Encoder around the fake backend

TEXTS = ["ccc", "a", "much too long", "bb", "dddd", "漢字"]


def vectors_of(encoder: Any, texts: list[str], prompt: str = "") -> list[list[float]]:
    return [encoder.backend.vector(prompt + text[: encoder.backend.limit]) for text in texts]


@pytest.mark.parametrize("token_budget", [1, 5, 8, 100])
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_vectors_come_in_the_order_of_the_texts(
    make_encoder: MakeEncoder, token_budget: int, batch_size: int | None
) -> None:
    encoder = make_encoder(token_budget, batch_size, default_prompt="")
    found = encoder.encode(TEXTS)
    assert found.vectors.tolist() == vectors_of(encoder, TEXTS)
    assert found.vectors.dtype == np.float32
    assert found.tokens.tolist() == [3, 1, 6, 2, 4, 2]
    assert found.truncated.tolist() == [False, False, True, False, False, False]
    assert not found.failed.any()


def test_the_longest_texts_go_first_under_the_budget(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(token_budget=6, default_prompt="")
    encoder.encode(TEXTS)
    assert encoder.backend.batches == [["much t"], ["dddd"], ["ccc", "bb"], ["漢字", "a"]]


def test_a_prompt_stands_before_every_text(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="d:")
    assert encoder.encode(["a"], Prompt("q:")).vectors.tolist() == vectors_of(encoder, ["a"], "q:")
    assert encoder.encode(["a"], Prompt()).vectors.tolist() == vectors_of(encoder, ["a"], "d:")
    assert encoder.encode(["a"], Prompt("")).vectors.tolist() == vectors_of(encoder, ["a"])


def test_no_texts_give_no_vectors(make_encoder: MakeEncoder) -> None:
    found = make_encoder().encode([])
    assert found.vectors.shape == (0, 3)
    assert found.failed.shape == found.truncated.shape == found.tokens.shape == (0,)


def test_a_text_that_makes_the_model_fail_is_marked_and_the_others_are_right(
    make_encoder: MakeEncoder,
) -> None:
    encoder = make_encoder(default_prompt="", poison=("dddd",))
    found = encoder.encode(TEXTS)
    assert found.failed.tolist() == [False, False, False, False, True, False]
    others = [i for i in range(6) if i != 4]
    assert found.vectors[others].tolist() == vectors_of(encoder, [TEXTS[i] for i in others])
    assert found.vectors[4].tolist() == [0, 0, 0]


def test_a_text_that_the_tokenizer_refuses_never_comes_to_the_model(
    make_encoder: MakeEncoder,
) -> None:
    encoder = make_encoder(default_prompt="", unreadable="\u5b57")
    found = encoder.encode(TEXTS)
    assert found.failed.tolist() == [False, False, False, False, False, True]
    assert found.vectors[:5].tolist() == vectors_of(encoder, TEXTS[:5])
    assert found.vectors[5].tolist() == [0, 0, 0]
    assert "漢字" not in [text for batch in encoder.backend.batches for text in batch]


def test_texts_that_are_all_refused_are_not_the_models_failure(make_encoder: MakeEncoder) -> None:
    found = make_encoder(default_prompt="", unreadable="x").encode(["x", "xy"])
    assert found.failed.tolist() == [True, True]


def test_a_model_that_fails_on_all_that_can_be_read_is_at_fault(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="", unreadable="x", poison=("a", "b"))
    with pytest.raises(RuntimeError, match="poisoned"):
        encoder.encode(["a", "b", "x"])
    assert encoder.encode(["a", "x"]).failed.tolist() == [True, True]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text("abP", max_size=6), min_size=1, max_size=20, unique=True),
    token_budget=st.integers(1, 60),
)
def test_exactly_the_texts_that_fail_alone_are_marked(
    make_encoder: MakeEncoder, texts: list[str], token_budget: int
) -> None:
    texts = [*texts, "works"]
    encoder = make_encoder(token_budget, default_prompt="", poison=("P",))
    found = encoder.encode(texts)
    assert found.failed.tolist() == ["P" in text for text in texts]
    right = [text for text in texts if "P" not in text]
    assert found.vectors[~found.failed].tolist() == vectors_of(encoder, right)


@pytest.mark.parametrize("token_budget", [1, 6, 1000])
def test_a_model_that_fails_on_everything_raises_its_own_exception(
    make_encoder: MakeEncoder, token_budget: int
) -> None:
    encoder = make_encoder(token_budget, default_prompt="", poison=("",))
    with pytest.raises(RuntimeError, match="poisoned by"):
        encoder.encode(TEXTS)


def test_a_single_text_that_fails_is_marked(make_encoder: MakeEncoder) -> None:
    assert make_encoder(poison=("a",)).encode(["a"]).failed.tolist() == [True]


def test_a_batch_of_nothing_but_bad_texts_spoils_no_other(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(token_budget=12, default_prompt="", poison=("bad",))
    found = encoder.encode(["bad 1", "bad 2", "a", "bb"])
    assert found.failed.tolist() == [True, True, False, False]
    assert found.vectors[2:].tolist() == vectors_of(encoder, ["a", "bb"])


@pytest.mark.parametrize("token_budget", [1, 6, 1000])
def test_a_model_that_fails_from_some_point_on_raises(
    make_encoder: MakeEncoder, token_budget: int
) -> None:
    encoder = make_encoder(token_budget, default_prompt="")
    forward = encoder.backend.forward

    def dying(*args: Any) -> Any:
        if encoder.backend.batches:
            raise RuntimeError("device lost")
        return forward(*args)

    encoder.backend.forward = dying
    with pytest.raises(RuntimeError, match="device lost"):
        encoder.encode(TEXTS)
    assert len(encoder.backend.batches) == 1


@pytest.mark.parametrize(
    ("shape", "found"), [((2, 3), r"\(2, 3\)"), ((1, 2), r"\(1, 2\)"), ((3,), r"\(3,\)")]
)
def test_an_output_of_the_wrong_shape_is_reported(
    make_encoder: MakeEncoder, shape: tuple[int, ...], found: str
) -> None:
    encoder = make_encoder(batch_size=1)
    encoder.backend.forward = lambda *_: np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=rf"returned shape {found}, expected \(1, 3\)"):
        encoder.encode(["a", "b"])


def test_a_missing_row_never_shifts_the_others(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(default_prompt="")
    forward = encoder.backend.forward
    encoder.backend.forward = lambda inputs, rows, prompt: forward(inputs, rows[:2], prompt)
    found = encoder.encode(["aa", "bb", "cc"])
    assert found.vectors.tolist() == vectors_of(encoder, ["aa", "bb", "cc"])


def test_an_interrupt_is_not_taken_for_a_bad_text(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder()

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    encoder.backend.forward = interrupted
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(["a"])


def test_meters_count_tokens_with_and_without_padding(make_encoder: MakeEncoder) -> None:
    encoder, meters = make_encoder(token_budget=6, default_prompt=""), Meters()
    encoder.embed(encoder.prepare(TEXTS, Prompt(), meters), Prompt(), meters)
    assert meters.batches == 4
    assert meters.tokens == 3 + 1 + 6 + 2 + 4 + 2
    assert meters.padded_tokens == 6 + 4 + 2 * 3 + 2 * 2
    assert meters.tokenize_s > 0 and meters.forward_s > 0


def test_a_batch_that_does_not_fit_is_halved_until_it_does(make_encoder: MakeEncoder) -> None:
    encoder, meters = make_encoder(100, default_prompt="", memory=7), Meters()
    found = encoder.embed(encoder.prepare(TEXTS, Prompt(), meters), Prompt(), meters)
    assert found.vectors.tolist() == vectors_of(encoder, TEXTS)
    assert not found.failed.any()
    # 6, 4 and 3 characters together are 18 tokens; half of that is one text at a time
    assert encoder.backend.batches == [
        *(["much t", "dddd", "ccc"], ["much t"], ["dddd"], ["ccc"], ["bb", "漢字", "a"])
    ]
    assert (meters.oom_retries, encoder.token_budget) == (1, 9)
    [note] = meters.notes
    assert "a device ran out of memory, so its batches were reduced to 9 tokens" in note


def test_the_smaller_budget_stays(make_encoder: MakeEncoder) -> None:
    encoder, meters = make_encoder(100, default_prompt="", memory=9), Meters()
    encoder.encode(TEXTS)
    found = encoder.embed(encoder.prepare(TEXTS, Prompt(), meters), Prompt(), meters)
    assert found.vectors.tolist() == vectors_of(encoder, TEXTS)
    assert meters.oom_retries == 0


def test_batches_already_cut_keep_to_a_budget_that_became_smaller(
    make_encoder: MakeEncoder,
) -> None:
    encoder, meters = make_encoder(12, default_prompt="", memory=6), Meters()
    texts = [f"{i:04d}" for i in range(9)]  # three batches of three, of which one text fits
    found = encoder.embed(encoder.prepare(texts, Prompt(), meters), Prompt(), meters)
    assert found.vectors.tolist() == vectors_of(encoder, texts)
    assert meters.oom_retries == 1


def test_a_text_for_which_there_is_no_memory_fails_alone(make_encoder: MakeEncoder) -> None:
    encoder = make_encoder(100, default_prompt="", memory=5)
    found = encoder.encode(TEXTS)
    assert found.failed.tolist() == [False, False, True, False, False, False]
    with pytest.raises(RuntimeError, match="out of memory"):
        make_encoder(100, default_prompt="", memory=0).encode(TEXTS)


@pytest.mark.parametrize("what", ["uncorrectable ECC error", "device-side assert triggered"])
def test_a_device_that_fails_is_not_the_texts_fault(
    make_encoder: MakeEncoder, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    encoder = make_encoder(6, default_prompt="")
    tried = []

    def fail(*given: Any) -> Any:
        tried.append(given)
        raise RuntimeError(f"CUDA error: {what}")

    monkeypatch.setattr(encoder.backend, "forward", fail)
    with pytest.raises(RuntimeError, match=what):
        encoder.encode(TEXTS)
    assert len(tried) == 1
