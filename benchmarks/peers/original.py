"""Score as the script in blog posts does: file by file, with `encode` for each column.

The script starts a process for each device. On a machine without GPUs, each core is a device.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from benchmarks.peers.common import WORKERS, arguments, cosine, load_model, predict

BATCH = 128  # as in these scripts, which are written for GPUs


def start(folder: Path, precision: str) -> None:
    """Load the model once in each process."""
    global model
    model = load_model(folder, precision)


def score_file(source: Path, output: Path) -> None:
    """Score one file and write one file."""
    pairs = pd.read_parquet(source)
    text1, text2 = pairs["text1"].tolist(), pairs["text2"].tolist()
    if hasattr(model, "predict"):
        pairs["score"] = predict(model, text1, text2, BATCH)
    else:
        vectors1, vectors2 = (model.encode(texts, batch_size=BATCH) for texts in (text1, text2))
        pairs["score"] = cosine(vectors1, vectors2)
    pairs[["id", "score"]].to_parquet(output / source.name)


def main() -> None:
    """Distribute the files to the processes."""
    args = arguments()
    with ProcessPoolExecutor(
        WORKERS, get_context("spawn"), start, (args.model, args.precision)
    ) as pool:
        files = sorted(args.input.glob("*.parquet"))
        list(pool.map(score_file, files, [args.output] * len(files)))


if __name__ == "__main__":
    main()
