"""A few known texts that each worker embeds before it is trusted with others.

A GPU, a driver or a library that is at fault often raises no error but gives zeros, not-a-numbers
or noise. So a worker compares the scores of its device with those that torch gives on a CPU in
float32, and checks that different texts have different vectors and equal texts the same one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.pairs.metrics import Vectors, compare
from semscore.udfs.proofs.neighbours import Embed
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.proofs.samples import differ, tellable

if TYPE_CHECKING:
    from semscore.udfs.recipe import Precision
    from semscore.udfs.texts.encoder import Encoder

PAIRS = (
    ("A plane is taking off.", "An air plane is taking off."),
    ("How do I reset my password?", "The harvest was late that year."),
    ("Le chat dort sur le canapé.", "Die Katze schläft auf dem Sofa."),
    ("def add(a, b): return a + b", "add two numbers"),
    ("ok", "A sentence that is a good deal longer than the others, with 12,345 and more in it."),
)
# Cosines may differ by this much from float32 on a CPU. Several times what working devices show;
# what does not work is far beyond.
TOLERANCE: dict[Precision, float] = {
    "float32": 0.002,  # with TF32, which GPUs may be told to use
    "float16": 0.02,
    "bfloat16": 0.04,
    "int8": 0.2,
}
LEAST = 2  # texts that a model must tell apart


class CanaryFailed(Exception):
    """The vectors of the known texts are not what they should be; the message says how."""


def known_vectors(embed: Embed, words: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """An even number of texts that the model tells apart, with their vectors.

    PAIRS where the model knows these, else texts made of `words`, of its own vocabulary. Raises
    CanaryFailed if it gives all texts the same vector, or none.
    """
    ours = [text for column in zip(*PAIRS, strict=True) for text in column]
    found = tellable(ours, embed)
    if len(found) < len(ours):
        own = list(words)
        joined = [f"{a} {b}" for a, b in pairwise(own)]
        found = tellable([*joined, *own], embed)
    if len(found) < LEAST:
        raise CanaryFailed(
            "it gives different texts the same vector, or none: its tokenizer does not know their "
            "words, or its weights are not those of a trained model"
        )
    even = min(len(found) // 2 * 2, len(ours))
    chosen = dict(list(found.items())[:even])
    first, second = list(chosen)[:2]
    again = embed([first, second, first])
    if differ(again[0], again[2]):
        raise CanaryFailed("it gives the same text two different vectors in one batch")
    return chosen


def check(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    """Embed the known texts on the worker's device; CanaryFailed beyond the precision's tolerance.

    Leading dimensions are compared, where the encoder gives no more.
    """
    n = len(proof.texts)
    found = encoder.encode([*proof.texts, proof.texts[0]], "").vectors
    expected = _cosines(proof.vectors[:, : encoder.backend.dim], n)
    apart = float(np.max(np.abs(_cosines(found, n) - expected)[np.isfinite(expected)], initial=0))
    allowed = TOLERANCE[precision]
    if not apart <= allowed:  # nor not-a-number
        raise CanaryFailed(
            f"a known pair scores {apart:.3g} away from its score on a CPU in float32, and "
            f"{precision} explains {allowed} at most"
        )
    same = float(compare(found, np.array([0]), found, np.array([n]), "cosine")[0])
    if not same >= 1 - allowed:
        raise CanaryFailed(f"a known text has the score {same:.3g} with itself, expected 1")


def _cosines(vectors: Vectors, n: int) -> NDArray[np.float32]:
    """Of the pairs of n texts: (n/2,)."""
    rows = np.arange(n // 2)
    return np.asarray(compare(vectors, rows, vectors, rows + n // 2, "cosine"))
