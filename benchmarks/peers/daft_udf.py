"""Score with Daft: a class UDF with a process for each core, on the native runner."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.common import ROWS, WORKERS, arguments, load_model, score

os.environ |= {"DAFT_ANALYTICS_ENABLED": "0", "DO_NOT_TRACK": "true"}

import daft


@daft.cls(max_concurrency=WORKERS, use_process=True)
class Scorer:
    """One process with its own model."""

    def __init__(self, folder: Path, precision: str) -> None:
        self.model = load_model(folder, precision)

    @daft.method.batch(return_dtype=daft.DataType.float32(), batch_size=ROWS)
    def similarity(self, text1: daft.Series, text2: daft.Series) -> NDArray[np.float32]:
        """Score two series of n texts: -> (n,)."""
        return score(self.model, text1.to_pylist(), text2.to_pylist())


def main() -> None:
    """Read the pairs, score them, and write the scores."""
    args = arguments()
    daft.set_runner_native()
    scorer = Scorer(args.model, args.precision)
    pairs = daft.read_parquet(str(args.input))
    score_of = scorer.similarity(daft.col("text1"), daft.col("text2"))
    pairs.select(daft.col("id"), score_of.alias("score")).write_parquet(str(args.output))


if __name__ == "__main__":
    main()
