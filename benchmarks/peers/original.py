"""The way of the blog posts: a process per device, file after file, `encode` for each column.

On a machine without GPUs each core is such a device.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.peers.common import WORKERS, arguments, cosine, load_model

BATCH = 128  # what those scripts use, with GPUs in mind


def start(folder: Path, precision: str) -> None:
    """Load the model, once in each process."""
    global model
    model = load_model(folder, precision)


def score_file(source: Path, output: Path) -> None:
    """One file in, one file out."""
    pairs = pd.read_parquet(source)
    vectors1 = model.encode(pairs["text1"].tolist(), batch_size=BATCH)
    vectors2 = model.encode(pairs["text2"].tolist(), batch_size=BATCH)
    pairs["score"] = cosine(vectors1, vectors2)
    pairs[["id", "score"]].to_parquet(output / source.name)


def main() -> None:
    """Deal the files out to the processes."""
    given = arguments()
    with ProcessPoolExecutor(
        WORKERS, get_context("spawn"), start, (given.model, given.precision)
    ) as pool:
        files = sorted(given.input.glob("*.parquet"))
        list(pool.map(score_file, files, [given.output] * len(files)))


if __name__ == "__main__":
    main()
