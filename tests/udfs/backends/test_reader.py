"""A reader is the model's tokenizer with all its settings, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from semscore.udfs.backends.reader import TokenReader, copied
from semscore.udfs.errors import ModelError

TEXTS = ["the [SEP] cat", "a [MASK]", "word " * 100, "the cat"]


@pytest.fixture
def split(wordpiece: Tokenizer) -> TokenReader:
    """Special tokens in a text are read as characters."""
    return TokenReader(copied(wordpiece, 12, True), 12, pad_id=3, pad_left=True, type_ids=True)


def ids(reader: TokenReader) -> list[int]:
    found: list[int] = reader.read(TEXTS).ids.tolist()
    return found


def test_a_saved_reader_reads_as_before(split: TokenReader, tmp_path: Path) -> None:
    facts = split.save(tmp_path)
    loaded = TokenReader.load(tmp_path, facts)
    assert ids(loaded) == ids(split)
    assert ids(loaded) != ids(TokenReader.load(tmp_path, facts | {"split_special_tokens": False}))
    assert (loaded.limit, loaded.pad_id, loaded.pad_left, loaded.type_ids) == (12, 3, True, True)


def test_a_saved_reader_may_be_given_another_limit(split: TokenReader, tmp_path: Path) -> None:
    loaded = TokenReader.load(tmp_path, split.save(tmp_path), max_seq_length=7)
    assert loaded.read(TEXTS).lengths.tolist() == [7, 7, 7, 4]


def test_padding_and_truncation_of_the_file_do_not_count(wordpiece: Tokenizer) -> None:
    baked = Tokenizer.from_str(wordpiece.to_str())
    baked.enable_padding(length=64)
    baked.enable_truncation(5)
    found = TokenReader(copied(baked, None, False), None).read(TEXTS)
    assert found.lengths.tolist() == [len(wordpiece.encode(text).ids) for text in TEXTS]
    assert found.lengths.max() > 64
    assert not found.truncated.any()
    assert baked.padding and baked.truncation


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_that_leaves_nothing_of_a_text_is_refused(wordpiece: Tokenizer, limit: int) -> None:
    with pytest.raises(
        ModelError, match=f"Recipe.max_seq_length {limit} leaves no room for a text"
    ):
        copied(wordpiece, limit, False)
    assert TokenReader(copied(wordpiece, 3, False), 3).read(["cat"]).lengths.tolist() == [3]


def test_a_tokenizer_that_cuts_the_beginning_reads_whole_texts(wordpiece: Tokenizer) -> None:
    left = copied(wordpiece, 8, False, "left")
    text = "the cat " * 500 + "on the mat"
    assert TokenReader(left, 8).read([text]).ids.tolist() == left.encode(text).ids
