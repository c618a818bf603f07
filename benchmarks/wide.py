"""Measure the memory of a worker that embeds with many dimensions: `python -m benchmarks.wide`.

Each measurement is a process of its own, with a model that does nothing. It gets one Arrow batch of
10,000 rows, the most that Spark passes to Python by default, and hands out frames as a task does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.ours import Book
from benchmarks.process import peak_mb
from semscore.udfs.meters import Meters
from semscore.udfs.texts import embedder
from semscore.udfs.texts.embedder import Embedder
from semscore.udfs.texts.encoder import Encoder
from semscore.udfs.vector_format import VectorFormat

ROWS = 10_000
UNBOUNDED = 1 << 60


class Idle:
    """A model whose vectors are all ones."""

    name, kind, token_budget, max_texts = "idle", "bi-encoder", 1 << 30, None
    stretch, flat = 2.0, False

    class Inputs:
        """One token for each text."""

        def __init__(self, n: int) -> None:
            self.lengths = np.ones(n, np.int64)
            self.truncated = np.zeros(n, bool)
            self.refused = np.zeros(0, np.int64)

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def prepare(self, texts: Any, _: Any) -> Any:
        """Return inputs without tokens."""
        return self.Inputs(len(texts))

    def widths(self, lengths: Any) -> Any:
        """Return the lengths."""
        return lengths

    def forward(self, _: Any, rows: Any, __: Any) -> Any:
        """Return ones."""
        return np.ones((len(rows), self.dim), np.float32)

    def vectors(self, n: int) -> Any:
        """Return zeros."""
        return np.zeros((n, self.dim), np.float32)

    def wait(self) -> None:
        """Do nothing."""


def peak(dim: int, bounded: bool) -> float:
    """Return by how many MB embedding ROWS distinct texts has raised this process's memory."""
    if not bounded:
        embedder.VECTOR_BYTES = embedder.FRAME_BYTES = UNBOUNDED
    encoder = Encoder(Idle(dim), None, 512)  # type: ignore[arg-type]
    wide, meters = Embedder(encoder, VectorFormat()), Meters()
    window = (pd.Series([f"text {k}" for k in range(ROWS)], dtype=object),)
    before = peak_mb()
    for frame in wide.frames(wide.prepare(window, meters), meters):
        pa.array(frame["embedding0"], pa.list_(pa.float32()))  # as Spark makes of it
    return peak_mb() - before


def main() -> None:
    """Measure a few numbers of dimensions, with and without the bounds of parts and frames."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    options.add_argument("--one", nargs=2, help="for the processes that this one starts")
    args = options.parse_args()
    if args.one:
        print(peak(int(args.one[0]), args.one[1] == "bounded"))
        return
    book = Book("wide", ["dim", "rows", "vectors_mb", "bounds", "raised_by_mb"])
    for dim in (384, 1024, 4096):
        for bounds in ("bounded", "unbounded"):
            command = [sys.executable, "-m", "benchmarks.wide", "--one", str(dim), bounds]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            book.add(
                dim=dim,
                rows=ROWS,
                vectors_mb=4 * dim * ROWS / 2**20,
                bounds=bounds,
                raised_by_mb=float(out),
            )


if __name__ == "__main__":
    main()
