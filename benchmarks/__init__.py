"""Measuring: the engine and its peers on the same data, in one run. See README.md."""

from pathlib import Path

BUILD = Path("build/bench")  # corpora, outputs, logs: nothing of it is committed
RESULTS = Path("benchmarks/results")
