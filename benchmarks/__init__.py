"""Measure semscore and other tools on the same data, in one run. See README.md."""

from pathlib import Path

BUILD = Path("build/bench")  # corpora, outputs and logs, which are never committed
RESULTS = Path("benchmarks/results")
