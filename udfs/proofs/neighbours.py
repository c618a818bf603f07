"""Proof that a text's vector depends on that text alone, and how to run a model so that it does.

A vector may depend on the other texts of its batch (longrope chooses its frequencies by the longest
text) or on earlier forward passes (dynamic RoPE scaling keeps the frequencies of the longest text
so far).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Batching = Literal["together", "alone", "reset"]
# together: texts in any batch. alone: one text in a forward pass. reset: one text in a forward
# pass, after a pass with a short text, so that the model drops the state of the last long one.

Vectors: TypeAlias = NDArray[np.float32]
Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""One forward pass over n texts, in this order: -> (n, dim)."""

# Relative to a vector's length. Rounding in float32 differs by up to 1e-6 between batch shapes.
# Vectors that depend on other texts differ by 1e-3 and more.
TOLERANCE = 2e-5
ENOUGH = 512  # tokens: longer texts reveal nothing more, unless positions are rescaled
MOST = 16_384  # tokens: a longer text takes minutes on a CPU
WITHOUT_LIMIT = 512  # tokens


class DependsOnOthers(Exception):
    """However the model is run, the vector of a text depends on other texts."""


class Texts(NamedTuple):
    """Three texts of different lengths in tokens."""

    short: str
    middle: str  # about three quarters as long as `long`
    long: str  # at the model's limit, or longer


def proof_tokens(limit: int | None, config: Mapping[str, Any]) -> int:
    """Return the number of tokens of the longest text to try.

    `limit` is the number of tokens that the model reads of a text (None: all), `config` the
    transformer's config.json. RoPE that rescales positions does so for texts that are longer than
    those of the original training.
    """
    if limit is None:
        return WITHOUT_LIMIT
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    original = rope.get("original_max_position_embeddings")
    original = original or config.get("original_max_position_embeddings") or 0
    if rope.get("rope_type", rope.get("type")) == "dynamic":
        original = original or config.get("max_position_embeddings") or 0
    return min(limit, max(ENOUGH, 2 * int(original)), MOST)


def proof_texts(
    words: Sequence[str], tokens: int, count: Callable[[str], int], between: str = " "
) -> Texts:
    """Return texts of words that the tokenizer knows. The longest has at least `tokens` tokens.

    `count` returns the number of tokens of a text.
    """

    def text(size: int) -> str:
        return between.join(words[place % len(words)] for place in range(size))

    sample = min(len(words), tokens)
    per_word = max(count(text(sample)) / sample, 1)
    return Texts(words[0], text(max(int(tokens * 0.75 / per_word), 1)), text(tokens))


def batching_of(
    embed: Embed, texts: Texts, tolerance: float = TOLERANCE, floor: float = 0.0
) -> Batching:
    """Return the fastest way to run a model such that each vector depends on its text alone.

    `embed` must be that of a model that has not embedded a long text yet. Vectors are equal if they
    differ by at most `tolerance` of their length, or of `floor` if that is more. Raises
    DependsOnOthers if there is no such way.
    """
    # Shortest first, because the state kept from a shorter text does not affect a longer one.
    alone = {text: embed([text])[0] for text in texts}

    def same(batch: Sequence[str]) -> bool:
        vectors = embed(batch)
        return all(
            _near(vector, alone[text], tolerance, floor)
            for vector, text in zip(vectors, batch, strict=True)
        )

    short, middle, long = texts
    if all(same([text]) for text in (middle, short)):  # after a longer one
        batches = ([short, long], [long, middle, short])
        return "together" if all(map(same, batches)) else "alone"
    for text in (middle, long, middle):
        embed([short])
        if not same([text]):
            raise DependsOnOthers("the vector of a text depends on the texts embedded before it")
    return "reset"


def _near(found: Vectors, expected: Vectors, tolerance: float, floor: float) -> bool:
    """Return whether two vectors are equal within the tolerance.

    Two vectors that are not finite count as equal: such a text has the status `error` either way.
    """
    if not np.isfinite(expected).all():
        return not np.isfinite(found).all()
    length = max(float(np.linalg.norm(expected)), floor)
    return bool(np.linalg.norm(found - expected) <= tolerance * length)
