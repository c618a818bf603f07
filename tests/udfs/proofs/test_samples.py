"""Words of a tokenizer's own, and texts that a model tells apart."""

from __future__ import annotations

import numpy as np

from semscore.udfs.proofs.samples import differ, own_words, tellable, usable


def test_words_stand_as_in_texts_and_special_tokens_are_none() -> None:
    tokens = ["[CLS]", "##ing", "▁house", "Ġtree", "a</w>", "b", "7", "!"]
    assert own_words(tokens, ["[CLS]"]) == ["house", "ing", "tree"]
    assert own_words(["[UNK]", "[PAD]"], ["[UNK]", "[PAD]"]) == []


def test_single_letters_are_words_where_there_is_nothing_else() -> None:
    assert len(own_words("ACDEFGHIKLMNPQRSTVWY")) == 11


def test_texts_that_are_refused_or_alike_are_left_out() -> None:
    def embed(texts: list[str]) -> np.ndarray:
        if "?" in texts:
            raise RuntimeError("unknown")
        return np.array([[len(text), 0.0] for text in texts], np.float32)

    assert list(tellable(["one", "two", "?", "three", ""], embed)) == ["one", "three"]


def test_what_a_vector_is() -> None:
    one = np.array([1.0, 2.0], np.float32)
    assert usable(one) and not usable(one * 0) and not usable(one * np.nan)
    assert differ(one, one + 0.01) and not differ(one, one * (1 + 1e-6))
