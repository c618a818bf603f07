"""Which texts a model is known by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from semscore.udfs.errors import CanaryFailed
from semscore.udfs.proofs.known_texts import known_vectors


def letters(texts: Sequence[str]) -> np.ndarray:
    """How often a text has each letter of proteins; it refuses others."""
    alphabet = "ACDEFGHIKLMNPQRSTVWY "
    if any(letter not in alphabet for text in texts for letter in text):
        raise ValueError("an unknown token")
    return np.array([[text.count(one) for one in alphabet] for text in texts], np.float32)


def test_a_model_that_refuses_our_texts_is_known_by_its_own_words() -> None:
    known = known_vectors(letters, ["A", "CC", "DK"])
    assert list(known) == ["A CC", "CC DK", "A", "CC"]
    np.testing.assert_array_equal(known["CC"], letters(["CC"])[0])


def test_a_model_to_which_all_words_are_unknown_is_refused() -> None:
    def counts_words(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1, len(text.split())] for text in texts], np.float32)

    with pytest.raises(CanaryFailed, match="gives different texts the same vector"):
        known_vectors(lambda texts: np.ones((len(texts), 2), np.float32), ["a", "b"])
    # two lengths make two vectors, which our sentences of one length do not have
    assert len(known_vectors(counts_words, ["a", "b"])) == 2


def test_a_model_that_gives_equal_texts_two_vectors_is_refused() -> None:
    def by_place(texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 7 * place + 1] for place, text in enumerate(texts)], float)

    with pytest.raises(CanaryFailed, match="gives the same text two different vectors"):
        known_vectors(by_place, ["a", "bbb"])
