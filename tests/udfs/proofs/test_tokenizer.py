"""The proof finds a copy that differs, in whatever text it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from semscore.udfs.backends.reader import copied
from semscore.udfs.proofs.tokenizer import difference, long_texts, probe_word, short_texts


def reading(tokenizer: Tokenizer) -> Any:
    def read(texts: Sequence[str]) -> dict[str, Any]:
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        width = max(map(len, ids))
        return {"input_ids": [row + [-1] * (width - len(row)) for row in ids], "modality": "text"}

    return read


def proved(one: Tokenizer, other: Tokenizer, limit: int | None = None) -> str | None:
    """The first text that differs."""
    added = [token.content for token in one.get_added_tokens_decoder().values()]
    count = copied(one, None, one.encode_special_tokens)
    texts = [
        short_texts(added),
        long_texts("word ", limit, lambda text: len(count.encode(text).ids)),
    ]
    found = (difference(reading(one), reading(other), group) for group in texts)
    return next((text for text in found if text is not None), None)


@pytest.mark.parametrize("kind", ["wordpiece", "byte_level_bpe", "unigram"])
def test_a_copy_reads_as_its_original(request: pytest.FixtureRequest, kind: str) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    tokenizers = (copied(tokenizer, 20, split) for split in (False, True))
    for one in tokenizers:
        assert proved(one, copied(one, 20, one.encode_special_tokens), 20) is None


def test_special_tokens_read_as_text_are_found(wordpiece: Tokenizer) -> None:
    found = proved(copied(wordpiece, None, False), copied(wordpiece, None, True))
    assert found is not None and "[" in found


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word", "normalized"])
def test_each_flag_of_an_added_token_is_found(
    wordpiece: Tokenizer, byte_level_bpe: Tokenizer, flag: str
) -> None:
    tokenizer = wordpiece if flag == "normalized" else byte_level_bpe
    plain, flagged = (copied(tokenizer, None, False) for _ in range(2))
    plain.add_tokens([AddedToken("<Ent>", normalized=False)])
    flagged.add_tokens([AddedToken("<Ent>", **{"normalized": False, flag: True})])
    found = proved(flagged, plain)
    assert found is not None and "ent" in found.lower()


@pytest.mark.parametrize("limit", [19, 21])
def test_another_limit_is_found(wordpiece: Tokenizer, limit: int) -> None:
    assert proved(copied(wordpiece, 20, False), copied(wordpiece, limit, False), 20)


def test_another_side_of_truncation_is_found(wordpiece: Tokenizer) -> None:
    left = copied(wordpiece, 20, False, "left")
    assert proved(copied(wordpiece, 20, False), left, 20)


def test_what_one_refuses_the_other_must_refuse() -> None:
    def tokenizer(unknown: str) -> Tokenizer:
        made = Tokenizer(models.WordLevel({"word": 0, "x": 1, "?": 2}, unk_token=unknown))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        return made

    assert proved(tokenizer("[none]"), tokenizer("[none]")) is None
    assert proved(tokenizer("?"), tokenizer("?")) is None
    assert proved(tokenizer("?"), tokenizer("[none]")) is not None
    assert proved(tokenizer("[none]"), tokenizer("?")) is not None


def test_lengths_around_the_limit_are_tried() -> None:
    lengths = [len(text.split()) for text in long_texts("w ", 10, lambda t: len(t.split()) + 2)]
    assert lengths[:5] == [6, 7, 8, 9, 10]
    assert min(lengths[5:]) > 40


def test_a_word_of_the_vocabulary_is_found() -> None:
    def read(text: str) -> None:
        if set(text) - set("ACGT"):
            raise ValueError(f"unknown: {text}")

    assert probe_word(["<s>", "\u2581", "\u2581A", "C"], read) == "A"
    assert probe_word([], len) == "word "
    with pytest.raises(ValueError, match="rejects every text, even its own tokens: unknown: x"):
        probe_word(["x"], read)
