"""Compute the expected scores with sentence-transformers in float32, in the simplest way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import BUILD
from benchmarks.peers.common import is_cross_encoder, predict

BATCH = 32  # texts; larger batches are slower on a CPU
ALL_OF_FIRST = 200  # rows, all of which are checked


TEXTS = ["text1", "text2"]


def reference(data: Path, model: Path, name: str, every: int = 1) -> pd.Series:
    """Return id -> score for the pairs in `data`; caches the scores under the model's `name`.

    After the first rows, only one row of `every` is computed, and the others are NaN.
    """
    pairs = pq.read_table(data, columns=["id", *TEXTS]).to_pandas()
    rows = np.arange(len(pairs))
    wanted = pairs[(rows < ALL_OF_FIRST) | (rows % every == 0)]
    cache = BUILD / "reference" / f"{Path(name).name}.parquet"
    known = pd.read_parquet(cache) if cache.exists() else pd.DataFrame(columns=[*TEXTS, "score"])
    all_pairs = wanted[TEXTS].drop_duplicates().merge(known, how="left", on=TEXTS)
    new = all_pairs.loc[all_pairs["score"].isna(), TEXTS]
    if len(new):
        new["score"] = expected_scores(model, new["text1"].tolist(), new["text2"].tolist())
        cache.parent.mkdir(parents=True, exist_ok=True)
        known = pd.concat([known, new]) if len(known) else new
        known.to_parquet(cache, index=False)
    scores = wanted.merge(known, how="left", on=TEXTS).set_index("id")["score"]
    return scores.reindex(pairs["id"])


def expected_scores(model: Path, text1: Sequence[str], text2: Sequence[str]) -> NDArray[np.float32]:
    """Return what a cross-encoder predicts, or the cosines: n pairs -> (n,)."""
    if not is_cross_encoder(model):
        return encode_and_compare(model, text1, text2)
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(str(model), device="cpu", model_kwargs={"dtype": "float32"})
    return predict(encoder, text1, text2, BATCH)


def encode_and_compare(
    model: Path, text1: Sequence[str], text2: Sequence[str]
) -> NDArray[np.float32]:
    """Embed each distinct text once with `encode` and return the cosines: n pairs -> (n,)."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu", model_kwargs={"dtype": "float32"})
    codes, texts = pd.factorize(np.array([*text1, *text2], dtype=object))
    vectors = encoder.encode(list(texts), batch_size=BATCH, normalize_embeddings=True)
    first, second = vectors[codes].reshape(2, len(text1), -1)  # (n, dim) each
    return np.einsum("nd,nd->n", first, second)


def difference(output: Path, column: str, expected: pd.Series) -> dict[str, float]:
    """Return the largest and the mean difference of the scores in `output` from `expected`.

    Rows whose expected score is NaN are not compared. Raises ValueError if `output` does not have
    each row once, with a score.
    """
    scores = pq.read_table(output, columns=["id", column]).to_pandas().set_index("id")[column]
    if not scores.index.is_unique or set(scores.index) != set(expected.index):
        raise ValueError(
            f"expected {len(expected):,} rows, each once; found {len(scores):,} or other ids"
        )
    if scores.isna().any():
        raise ValueError(f"{scores.isna().sum():,} of {len(scores):,} rows have no score")
    gap = (scores - expected[scores.index]).abs()
    checked = int(gap.notna().sum())
    return {"checked": checked, "max_diff": float(gap.max()), "mean_diff": float(gap.mean())}
