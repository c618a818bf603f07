"""Whether a text's vector depends on that text alone, and how a model must be run so that it does.

A forward pass may depend on the other texts of its batch (longrope chooses its frequencies by the
longest text) or on earlier passes (dynamic RoPE scaling keeps those of the longest text so far).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Batching = Literal["together", "alone", "reset"]
# together: texts in any batch; alone: one text a pass; reset: that, with a short text before each
# so that the model forgets the last long one.

Vectors: TypeAlias = NDArray[np.float32]
Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""One forward pass over n texts, in this order: -> (n, dim)."""

# Relative to a vector's length. float32's own rounding reaches 1e-6 in other batch shapes; what
# depends on neighbours is off by 1e-3 and more.
TOLERANCE = 2e-5
ENOUGH = 512  # tokens: longer texts show nothing else, except where positions are rescaled
MOST = 16_384  # tokens: beyond, one text takes minutes on a CPU
WITHOUT_LIMIT = 512  # tokens


class DependsOnOthers(Exception):
    """The model gives a text other vectors after or beside other texts, however it is run."""


class Texts(NamedTuple):
    """Three texts, by their length in tokens."""

    short: str
    middle: str  # about three quarters of that
    long: str  # at the model's limit, or beyond


def proof_tokens(limit: int | None, config: Mapping[str, Any]) -> int:
    """Tokens of the longest text that is tried.

    `limit`: what the model reads of a text, None: all. `config`: the transformer's config.json.
    RoPE that rescales positions does so from the length on that the model was first trained with.
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
    """Texts of words that the tokenizer knows, the longest of at least so many tokens.

    `count`: tokens of a text.
    """

    def text(size: int) -> str:
        return between.join(words[place % len(words)] for place in range(size))

    some = min(len(words), tokens)
    per_word = max(count(text(some)) / some, 1)
    return Texts(words[0], text(max(int(tokens * 0.75 / per_word), 1)), text(tokens))


def batching_of(embed: Embed, texts: Texts, tolerance: float = TOLERANCE) -> Batching:
    """Find the fastest way to run a model in which each vector is that of the text alone.

    `embed` is of a model that has embedded no long text yet. Raises DependsOnOthers if there is no
    such way.
    """
    # Shortest first: what is kept of a shorter text does not show in a longer one.
    alone = {text: embed([text])[0] for text in texts}

    def same(batch: Sequence[str]) -> bool:
        found = embed(batch)
        return all(
            _near(vector, alone[text], tolerance) for vector, text in zip(found, batch, strict=True)
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


def _near(found: Vectors, expected: Vectors, tolerance: float) -> bool:
    """Two vectors that are not finite are alike: such a text is an error, alone or not."""
    if not np.isfinite(expected).all():
        return not np.isfinite(found).all()
    return bool(np.linalg.norm(found - expected) <= tolerance * np.linalg.norm(expected))
