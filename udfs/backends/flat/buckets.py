"""Batches of a few shapes only: filled up with copies of a text, so that their passes repeat.

A recorded pass (see graphs.py) serves only batches of the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Rows

Lengths = NDArray[np.int64]

STEPS = 8  # numbers of tokens between a power of two and the next: at most an eighth is added


@dataclass(frozen=True)
class Shape:
    """The shape of a filled batch."""

    tokens: int  # of all texts
    texts: int  # some of them without tokens
    longest: int  # no text has more tokens


def shape_of(lengths: Lengths) -> Shape:
    """Return the shape that a batch is filled to, from the lengths of its texts: (k,) tokens."""
    longest, tokens = int(lengths.max()), int(lengths.sum())
    step = max(_power_of_two(tokens) // 2 // STEPS, 1)
    filled = -(-tokens // step) * step
    added = -(-(filled - tokens) // longest)
    return Shape(filled, _power_of_two(len(lengths) + added), _power_of_two(longest))


def filled(rows: Rows, lengths: Lengths, shape: Shape) -> tuple[Rows, Lengths]:
    """Fill a batch of k texts up to a shape: (k,), (k,) -> (shape.texts,), (shape.texts,).

    Behind the texts come the beginnings of the longest one, and then texts without tokens. No text
    becomes longer than the longest, so that the model has positions for all tokens.
    """
    longest = int(lengths.argmax())
    more = shape.texts - len(rows)
    missing = shape.tokens - int(lengths.sum())
    taken = np.arange(more) * lengths[longest]
    added = np.clip(missing - taken, 0, lengths[longest])
    return np.append(rows, np.full(more, rows[longest])), np.append(lengths, added)


def _power_of_two(number: int) -> int:
    """Return the smallest power of two that is at least `number`."""
    return 1 << (number - 1).bit_length()
