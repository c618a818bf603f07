"""Datasets and calibrations that tests of planning share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.ledger import UnitRecord
from semscore.jobs.dataset.source import Source, read_source
from semscore.jobs.planning.sample import Chunk
from semscore.jobs.planning.speed import Speed


@pytest.fixture
def numbered(tmp_path: Path) -> Callable[..., Source]:
    """A dataset whose text1 is the number of the row: one file for each number of rows."""

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
    """A chunk of pairs."""

    def make(texts1: Sequence[str | None], texts2: Sequence[str | None]) -> Chunk:
        return Chunk(pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object))

    return make


@pytest.fixture
def cpu_speed() -> Speed:
    """10^9 operations a second of each of four workers, a microsecond a token, ten a row."""
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


RECORD = UnitRecord(
    id="0" * 12,
    run="run-1",
    lease=1,
    fingerprint="f",
    sources=[],
    files=[],
    rows=100,
    statuses={"ok": 100},
    started="2026-11-01T10:00:00.000+00:00",
    ended="2026-11-01T10:00:30.000+00:00",
    meters={},
    workers={},
    hist={"score": {}, "tokens": {3: 100}},
    hardware={"Some CPU, 1 thread": 100},
)


@pytest.fixture
def record() -> Callable[..., UnitRecord]:
    """A unit of 100 rows and 30 seconds, changed as asked; `workers` by label."""

    def make(**changes: Any) -> UnitRecord:
        return replace(RECORD, **changes)

    return make


@pytest.fixture
def worker_sums() -> Callable[..., dict[str, float]]:
    """What a worker counted in a unit: 50 rows, 500 tokens in 50 texts, 20 s."""

    def make(**changes: float) -> dict[str, float]:
        sums = {"rows": 50, "distinct_texts": 50, "tokens": 500, "load_s": 10.0}
        sums |= {"read_s": 0.1, "tokenize_s": 0.2, "wait_input_s": 1.0}
        return sums | {"forward_s": 18.0, "compare_s": 0.5, "emit_s": 0.5} | changes

    return make
