"""A few known texts or pairs that a model tells apart, to check every worker's results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.errors import CanaryFailed
from semscore.udfs.proofs.neighbours import Embed
from semscore.udfs.proofs.samples import differ, tellable

PAIRS = (
    ("A plane is taking off.", "An air plane is taking off."),
    ("How do I reset my password?", "The harvest was late that year."),
    ("Le chat dort sur le canapé.", "Die Katze schläft auf dem Sofa."),
    ("def add(a, b): return a + b", "add two numbers"),
    ("ok", "A sentence that is a good deal longer than the others, with 12,345 and more in it."),
)
LEAST = 2  # texts or pairs that must have different vectors

Pair: TypeAlias = tuple[str, str]


def known_vectors(embed: Embed, words: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Return an even number of texts that have different vectors, with these vectors.

    The texts are those of PAIRS if the model can tell them apart, otherwise texts made of `words`
    from its own vocabulary. Raises CanaryFailed if the model gives all texts the same vector or
    none, or one text different vectors.
    """
    ours = [text for column in zip(*PAIRS, strict=True) for text in column]
    distinct = tellable(ours, embed)
    if len(distinct) < len(ours):
        own = list(words)
        joined = [f"{a} {b}" for a, b in pairwise(own)]
        distinct = tellable([*joined, *own], embed)
    if len(distinct) < LEAST:
        raise CanaryFailed(
            "it gives different texts the same vector, or none; its tokenizer may not know their "
            "words, or its weights may not be trained"
        )
    even = min(len(distinct) // 2 * 2, len(ours))
    chosen = dict(list(distinct.items())[:even])
    first, second = list(chosen)[:2]
    again = embed([first, second, first])
    if differ(again[0], again[2]):
        raise CanaryFailed("it gives the same text two different vectors in one batch")
    return chosen


def known_pairs(
    score: Callable[[Sequence[Pair]], NDArray[np.float32]], words: Iterable[str]
) -> dict[Pair, NDArray[np.float32]]:
    """Return pairs to which a cross-encoder gives different logits, with these: (labels,).

    The pairs are PAIRS if the model can tell them apart, otherwise pairs made of `words` from its
    own vocabulary. Raises CanaryFailed if all have the same logits or none.
    """
    distinct = tellable(PAIRS, score)
    if len(distinct) < len(PAIRS):
        own = list(words)
        made = [*pairwise(own), *((f"{a} {b}", a) for a, b in pairwise(own))]
        distinct = tellable(made, score)
    if len(distinct) < LEAST:
        raise CanaryFailed(
            "it gives different pairs the same score, or none; its tokenizer may not know their "
            "words, or its weights may not be trained"
        )
    return dict(list(distinct.items())[: len(PAIRS)])
