"""Score with sentence-transformers alone: everything in memory, one call, all threads."""

from __future__ import annotations

import argparse
from typing import Any

import pandas as pd

from benchmarks.peers.common import WORKERS, arguments, load_model, score


def main() -> None:
    """Load the model and score."""
    args = arguments()
    score_all(args, load_model(args.model, args.precision, threads=WORKERS))


def score_all(args: argparse.Namespace, model: Any) -> None:
    """Read all pairs, score them, and write all scores."""
    pairs = pd.read_parquet(args.input)
    pairs["score"] = score(model, pairs["text1"].tolist(), pairs["text2"].tolist())
    pairs[["id", "score"]].to_parquet(args.output / "part-0.parquet")


if __name__ == "__main__":
    main()
