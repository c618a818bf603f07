"""What the scores should be: float32 sentence-transformers, in the plainest way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import BUILD

BATCH = 32  # texts; larger ones are slower on a CPU


TEXTS = ["text1", "text2"]


def reference(data: Path, model: Path, name: str) -> pd.Series:
    """The score of each pair in `data`, by id; kept under the model's `name` for later runs."""
    pairs = pq.read_table(data, columns=["id", *TEXTS]).to_pandas()
    cache = BUILD / "reference" / f"{Path(name).name}.parquet"
    known = pd.read_parquet(cache) if cache.exists() else pd.DataFrame(columns=[*TEXTS, "score"])
    all_pairs = pairs[TEXTS].drop_duplicates().merge(known, how="left", on=TEXTS)
    new = all_pairs.loc[all_pairs["score"].isna(), TEXTS]
    if len(new):
        new["score"] = encode_and_compare(model, new["text1"].tolist(), new["text2"].tolist())
        cache.parent.mkdir(parents=True, exist_ok=True)
        known = pd.concat([known, new]) if len(known) else new
        known.to_parquet(cache, index=False)
    return pairs.merge(known, how="left", on=TEXTS).set_index("id")["score"]


def encode_and_compare(
    model: Path, text1: Sequence[str], text2: Sequence[str]
) -> NDArray[np.float32]:
    """`SentenceTransformer.encode`, each distinct text once, and cosine: n pairs -> (n,)."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu", model_kwargs={"dtype": "float32"})
    codes, texts = pd.factorize(np.array([*text1, *text2], dtype=object))
    vectors = encoder.encode(list(texts), batch_size=BATCH, normalize_embeddings=True)
    first, second = vectors[codes].reshape(2, len(text1), -1)  # (n, dim) each
    return np.einsum("nd,nd->n", first, second)


def difference(output: Path, column: str, expected: pd.Series) -> dict[str, float]:
    """How far the scores in `output` are from those expected, row by row: largest and mean.

    Raises ValueError unless each row is there once and has a score.
    """
    found = pq.read_table(output, columns=["id", column]).to_pandas().set_index("id")[column]
    if not found.index.is_unique or set(found.index) != set(expected.index):
        raise ValueError(f"{len(found):,} rows came out of {len(expected):,}, or not the same ones")
    if found.isna().any():
        raise ValueError(f"{found.isna().sum():,} of {len(found):,} rows have no score")
    gap = (found - expected[found.index]).abs()
    return {"max_diff": float(gap.max()), "mean_diff": float(gap.mean())}
