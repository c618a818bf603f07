"""Texts that a model can tell apart, for those to which our own sentences are all the same.

A model of proteins, of code or of one language reads other texts as unknown tokens, or refuses
them. Its own vocabulary has texts that it knows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.proofs.neighbours import Embed
from semscore.udfs.proofs.tokenizer import as_text

WORDS = 16  # of the vocabulary, from all over it
DIFFERENT = 1e-4  # two vectors, relative to their length: rounding is far below


def own_words(vocabulary: Iterable[str], special: Iterable[str] = ()) -> list[str]:
    """Some words of a tokenizer's vocabulary, as they stand in texts: without marks of pieces.

    Empty if there is nothing but special tokens.
    """
    words = {
        word: None
        for token in sorted({*vocabulary} - {*special})
        if (word := as_text(token)).isalnum() and not word.isdigit()
    }
    longest = sorted(words, key=len, reverse=True)[: len(words) // 2 + 1]  # letters are alike
    step = max(len(longest) // WORDS, 1)
    return sorted(longest)[::step][:WORDS]


def tellable(texts: Iterable[str], embed: Embed) -> dict[str, NDArray[np.float32]]:
    """Those texts that a model embeds, and tells from all before them, with their vectors.

    A text that it refuses, or has no vector for, is left out.
    """
    found: dict[str, NDArray[np.float32]] = {}
    for text in texts:
        try:
            [vector] = embed([text])
        except Exception:  # of any tokenizer and any model
            continue
        if usable(vector) and all(differ(vector, other) for other in found.values()):
            found[text] = vector
    return found


def usable(vector: NDArray[np.float32]) -> bool:
    """Whether a vector is one: finite, and not zero."""
    return bool(np.isfinite(vector).all() and vector.any())


def differ(one: NDArray[np.float32], two: NDArray[np.float32]) -> bool:
    """Whether two vectors are those of different texts, beyond all rounding."""
    return bool(np.linalg.norm(one - two) > DIFFERENT * np.linalg.norm(one))
