"""Sample texts for models that cannot tell plain sentences apart.

A model for proteins, code or a single language reads other texts as unknown tokens, or rejects
them. Its own vocabulary contains texts that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.proofs.tokenizer import as_text

Item = TypeVar("Item")  # a text or a pair

WORDS = 16  # taken evenly from the whole vocabulary
DIFFERENT = 1e-4  # distance of two vectors relative to their length, far above rounding


def own_words(vocabulary: Iterable[str], special: Iterable[str] = ()) -> list[str]:
    """Return some words of a tokenizer's vocabulary as they appear in texts, without piece marks.

    Empty if there are only special tokens.
    """
    words = {
        word: None
        for token in sorted({*vocabulary} - {*special})
        if (word := as_text(token)).isalnum() and not word.isdigit()
    }
    longest = sorted(words, key=len, reverse=True)[: len(words) // 2 + 1]  # letters are too similar
    step = max(len(longest) // WORDS, 1)
    return sorted(longest)[::step][:WORDS]


def tellable(
    texts: Iterable[Item], embed: Callable[[Sequence[Item]], NDArray[np.float32]]
) -> dict[Item, NDArray[np.float32]]:
    """Return the texts whose vectors differ from those of all earlier texts, with their vectors.

    Leaves out texts that the model rejects or for which it has no usable vector. With a
    cross-encoder, pairs take the place of texts.
    """
    distinct: dict[Item, NDArray[np.float32]] = {}
    for text in texts:
        try:
            [vector] = embed([text])
        except Exception:  # tokenizers and models may raise anything
            continue
        if usable(vector) and all(differ(vector, other) for other in distinct.values()):
            distinct[text] = vector
    return distinct


def usable(vector: NDArray[np.float32]) -> bool:
    """Return whether a vector is finite and not zero."""
    return bool(np.isfinite(vector).all() and vector.any())


def differ(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Return whether two vectors differ by more than rounding."""
    return bool(np.linalg.norm(a - b) > DIFFERENT * np.linalg.norm(a))
