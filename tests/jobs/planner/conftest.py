"""Fixtures for the planner's tests: datasets, chunks and a measured speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.source import Source
from semscore.jobs.planner.sample import Chunk
from semscore.jobs.planner.speed import Speed


@pytest.fixture
def numbered(tmp_path: Path) -> Callable[..., Source]:
    """Make a dataset with the row number in text1. `files`: the number of rows of each file."""

    def make(*files: int, row_group: int = 1000) -> Source:
        first = 0
        for number, rows in enumerate(files):
            values = [str(row) for row in range(first, first + rows)]
            table = pa.table({"text1": values, "text2": ["same"] * rows, "other": [0.5] * rows})
            pq.write_table(table, tmp_path / f"part-{number:05}.parquet", row_group_size=row_group)
            first += rows
        return read_source([str(tmp_path)])

    return make


@pytest.fixture
def chunk() -> Callable[..., Chunk]:
    """Make a chunk of pairs."""

    def make(texts1: Sequence[str | None], texts2: Sequence[str | None]) -> Chunk:
        return Chunk((pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object)))

    return make


@pytest.fixture
def cpu_speed() -> Speed:
    """Four workers at 10^9 operations per second each, 1 µs per token and 10 µs per row."""
    return Speed(
        hardware="Some CPU, 1 thread",
        device="cpu",
        backend="openvino",
        precision="float32",
        workers=4,
        rows=1000,
        seconds=10.0,
        flop_per_s=1e9,
        forward_flop_per_s=1.1e9,
        tokenize_s=1e-6,
        other_s=1e-5,
    )
