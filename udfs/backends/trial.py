"""Batches on which two ways to run a model are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.tokens import Tokens

if TYPE_CHECKING:
    from semscore.udfs.backends.readers import Reader
    from semscore.udfs.recipe import Kind


def trial_tokens(reader: Reader, kind: Kind, word: str, lengths: Sequence[int]) -> Tokens:
    """Return texts with these lengths in tokens, or pairs whose second text begins in the middle.

    Their tokens are those of `word`, over and over. Special tokens need not be where they belong.
    """
    text = word * 8
    pairs = kind == "cross-encoder"
    taken: Any = PairTexts.of([(text, text)]) if pairs else [text]
    ids = np.resize(reader.read(taken).ids, sum(lengths))
    seconds = np.array(lengths) // 2 if pairs else None
    cut = np.zeros(len(lengths), bool)
    return Tokens(ids, np.cumsum([0, *lengths]), cut, before_second=seconds)
