"""Token ids are those of the whole text, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from semscore.udfs.backends import tokens
from semscore.udfs.backends.tokens import Tokens, can_refuse, tokenize

LIMITS = (3, 8, 32, 128)
KINDS = ("minilm", "wordpiece", "byte_level_bpe", "unigram")
TEN_MB = "the quick brown fox jumps over the lazy dog, " * 233_017

WORDS = ["the ", "cat ", "unbelievable ", "words, ", "tokenised. ", "aren't ", "Zwölf ", "é "]
PIECES = [
    *WORDS,
    *("\n", "\t", "\r\n", " ", "   ", "\u3000", "\u00a0", "\u200b"),
    *("=", "-", "a", "0", "1234567890", "abc", "…", "!?", "ing"),
    *("漢字", "日本語", "。", "の", "🙂", "👩‍👩‍👧", "𝒳", "e\u0301", "\u0301"),
    *("[SEP]", "<s>", "</s>", "<mask>", "\0", "\ufffd"),
]
some_texts = st.lists(
    st.tuples(st.sampled_from(PIECES), st.integers(1, 4) | st.integers(1, 900)), max_size=12
).map(lambda parts: "".join(piece * times for piece, times in parts))
few_examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer.from_str(request.getfixturevalue(request.param).to_str())


@pytest.fixture(scope="session")
def minilm(model_folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def limited(tokenizer: Tokenizer, limit: int | None) -> Tokenizer:
    tokenizer.no_truncation()
    if limit:
        tokenizer.enable_truncation(limit)
    return tokenizer


def as_lists(found: Tokens) -> list[list[int]]:
    return [ids.tolist() for ids in np.split(found.ids, found.starts[1:-1])]


def assert_as_whole(texts: Sequence[str], tokenizer: Tokenizer, limit: int | None) -> None:
    found = tokenize(texts, limited(tokenizer, limit), limit)
    whole = [tokenizer.encode(text) for text in texts]
    assert as_lists(found) == [encoding.ids for encoding in whole]
    assert found.truncated.tolist() == [bool(encoding.overflowing) for encoding in whole]
    assert found.lengths.tolist() == [len(encoding.ids) for encoding in whole]


class Counting:
    """A tokenizer that notes how many characters each call is given."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.calls: list[int] = []

    def encode_batch_fast(self, texts: list[str], **options: bool) -> Any:
        self.calls.append(sum(map(len, texts)))
        return self.tokenizer.encode_batch_fast(texts, **options)

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        return self.tokenizer.num_special_tokens_to_add(is_pair)


@pytest.mark.parametrize("limit", [*LIMITS[1:], None])
def test_ids_are_those_of_the_whole_text(tokenizer: Tokenizer, limit: int | None) -> None:
    long = "".join(WORDS) * 500
    texts = [
        "",
        "cat",
        *WORDS,
        "".join(WORDS),
        long,
        long.replace(" ", "\n"),
        long.replace(" ", "\t"),
        long.replace(" ", "   \n  "),
        " " * 30_000 + "blanks, then words " * 50,
        "words " * 5 + "\n" * 30_000 + "and blanks",
        "x" * 30_000,
        "x" * 30_000 + " and words" * 50,
        "abcdefgh" * 4000,
        "=" * 30_001,
        "0" * 9999,
        "漢字仮名交じり文を書く。" * 3000,
        "漢字 仮名 交じり文" * 3000,
        "🎉👩‍👩‍👧" * 3000,
        "the 漢字 🙂 == é " * 2000,
        "\u200b" * 3000,
    ]
    assert_as_whole(texts, tokenizer, limit)


@few_examples
@given(texts=st.lists(some_texts, max_size=4), limit=st.sampled_from(LIMITS))
def test_ids_are_those_of_the_whole_text_whatever_it_holds(
    tokenizer: Tokenizer, texts: list[str], limit: int
) -> None:
    if texts:
        assert_as_whole(texts, tokenizer, limit)


def test_a_word_that_is_unknown_as_a_whole_is_so_where_the_head_would_cut_it(
    minilm: Tokenizer,
) -> None:
    found = tokenize(["a " + "x" * 150], limited(minilm, 4), 4)
    assert [minilm.id_to_token(i) for i in found.ids] == ["[CLS]", "a", "[UNK]", "[SEP]"]
    assert found.truncated.tolist() == [False]


@pytest.mark.parametrize("length", range(2000, 2040))
def test_a_run_without_a_word_end_is_read_as_a_whole(unigram: Tokenizer, length: int) -> None:
    assert_as_whole(["=" * length], Tokenizer.from_str(unigram.to_str()), 32)


@pytest.mark.parametrize("limit", range(3, 14))
def test_a_token_of_several_words_is_not_cut(wordpiece: Tokenizer, limit: int) -> None:
    tokenizer = Tokenizer.from_str(wordpiece.to_str())
    tokenizer.add_tokens(["the token of some words and more"])
    assert_as_whole(["the token of some words and more " * 20], tokenizer, limit)


def test_a_text_of_just_the_limit_is_not_truncated(minilm: Tokenizer) -> None:
    texts = ["cat " * words for words in (29, 30, 31, 32)]
    found = tokenize(texts, limited(minilm, 32), 32)
    assert found.lengths.tolist() == [31, 32, 32, 32]
    assert found.truncated.tolist() == [False, False, True, True]


def test_no_texts_give_no_tokens(minilm: Tokenizer) -> None:
    found = tokenize([], limited(minilm, 8), 8)
    assert found.ids.dtype == np.int32
    assert found.starts.tolist() == [0]
    assert found.lengths.tolist() == found.truncated.tolist() == []


def test_of_ten_megabytes_only_the_head_is_tokenised(tokenizer: Tokenizer) -> None:
    counting: Any = Counting(limited(tokenizer, 256))
    found = tokenize([TEN_MB], counting, 256)
    assert sum(counting.calls) <= tokens.HEAD_CHARS * (256 + tokens.MARGIN)
    assert found.ids.tolist() == tokenizer.encode(TEN_MB[:10_000]).ids
    assert found.truncated.tolist() == [True]


def test_a_long_run_of_blanks_costs_less_than_twice_the_text(tokenizer: Tokenizer) -> None:
    text = " " * 100_000 + "then words " * 100
    counting: Any = Counting(limited(tokenizer, 64))
    tokenize([text, "short"], counting, 64)
    assert sum(counting.calls) < 2 * len(text)


def test_only_the_texts_whose_head_was_too_short_are_tried_again(minilm: Tokenizer) -> None:
    counting: Any = Counting(limited(minilm, 8))
    tokenize(["word " * 100] * 50 + ["few words" + " " * 500 + "x"], counting, 8)
    assert 50 * 100 < counting.calls[0] < 51 * 128
    assert counting.calls[1:] == [510]


def test_encodings_are_made_chunk_by_chunk(
    minilm: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CHUNK_CHARS", 100)
    counting: Any = Counting(limited(minilm, 32))
    texts = [f"text number {number}" for number in range(100)]
    found = tokenize(texts, counting, 32)
    assert max(counting.calls) < 100 + max(map(len, texts))
    assert sum(counting.calls) == sum(map(len, texts))
    assert as_lists(found) == [minilm.encode(text).ids for text in texts]


def test_a_text_without_any_token_has_none() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert as_lists(tokenize(["a a", "\u3000", "b"], tokenizer, None)) == [[0, 0], [], [1]]


def tokens_of(*ids: list[int]) -> Tokens:
    lengths = [len(row) for row in ids]
    return Tokens(
        ids=np.array([i for row in ids for i in row], dtype=np.int32),
        starts=np.cumsum([0, *lengths]),
        truncated=np.zeros(len(ids), dtype=bool),
    )


def test_rows_are_padded_to_a_width() -> None:
    tokens = tokens_of([1, 2, 3, 4], [5], [6, 7])
    ids, mask = tokens.padded(np.array([2, 1]), 3, 9, left=False)
    assert ids.tolist() == [[6, 7, 9], [5, 9, 9]]
    assert mask.tolist() == [[1, 1, 0], [1, 0, 0]]


def test_padding_may_stand_on_the_left() -> None:
    tokens = tokens_of([1, 2, 3], [5], [6, 7])
    ids, mask = tokens.padded(np.array([0, 1, 2]), 3, 9, left=True)
    assert ids.tolist() == [[1, 2, 3], [9, 9, 5], [9, 6, 7]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1], [0, 1, 1]]


# -- tokenizers that refuse ------------------------------------------------------------------------

VOCABULARY = [("<pad>", 0.0), ("\u2581", -2.0), *((letter, -3.0) for letter in "ACDEFGHIKLMN")]
REFUSING = {  # no token for what they do not know
    "unigram": models.Unigram(VOCABULARY, unk_id=None),
    "wordpiece": models.WordPiece({"A": 0, "##A": 1}, unk_token="[UNK]"),
    "wordlevel": models.WordLevel({"A": 0}, unk_token="[UNK]"),
    "bpe": models.BPE({"A": 0}, [], unk_token="<unk>"),
}


def refusing(kind: str) -> Tokenizer:
    tokenizer = Tokenizer(REFUSING[kind])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@pytest.mark.parametrize("kind", REFUSING)
def test_a_text_that_is_refused_is_singled_out(kind: str) -> None:
    tokenizer = refusing(kind)
    assert can_refuse(tokenizer)
    texts = ["A", "?", "A A", "A X", *["AA" if kind != "wordlevel" else "A"] * 20, "X"]
    found = tokenize(texts, tokenizer, None, whole=True)
    assert found.refused.tolist() == [1, 3, 24]
    assert found.lengths[[1, 3, 24]].tolist() == [0, 0, 0]
    for place, ids in enumerate(as_lists(found)):
        assert place in (1, 3, 24) or ids == tokenizer.encode(texts[place]).ids


def test_a_text_is_refused_for_what_stands_beyond_the_limit() -> None:
    tokenizer = limited(refusing("unigram"), 8)
    texts = ["A C " * 500, "A C " * 500 + "?"]  # as sentence-transformers does
    found = tokenize(texts, tokenizer, 8, whole=True)
    assert found.refused.tolist() == [1]
    assert found.lengths.tolist() == [8, 0]
    assert found.truncated.tolist() == [True, False]


def test_ordinary_tokenizers_refuse_nothing(tokenizer: Tokenizer) -> None:
    assert not can_refuse(tokenizer)
    assert not can_refuse(Tokenizer(models.BPE({"A": 0}, [])))  # drops what it does not know


def test_without_special_tokens_the_limit_is_the_texts_own(wordpiece: Tokenizer) -> None:
    tokenizer = limited(Tokenizer.from_str(wordpiece.to_str()), 8)
    texts = ["cat " * words for words in (7, 8, 9, 5000)]
    found = tokenize(texts, tokenizer, 8, specials=False)
    assert as_lists(found) == [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
    assert found.truncated.tolist() == [False, False, True, True]
