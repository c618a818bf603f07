"""Vectors of texts by any backend, and how far they are from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semscore.udfs.recipe import Prompt
from semscore.udfs.texts.encoder import Encoder


def vectors(
    backend: Any, texts: Sequence[str], budget: int = 700, prompt: str | None = None
) -> Any:
    """Embed texts, none of which may fail, in batches of `budget` tokens: n -> (n, dim)."""
    found = Encoder(backend, budget, None).encode(texts, Prompt(prompt))
    assert not found.failed.any()
    return np.asarray(found.vectors)


def apart(found: Any, expected: Any) -> Any:
    """Return how far each vector is from the expected one: (n,)."""
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1).max()
