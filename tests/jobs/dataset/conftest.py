"""Small parquet files, written without Spark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write `tmp_path/name` with `rows` rows in two text columns, and other columns."""

    def write(
        name: str, rows: int = 2, writer: dict[str, Any] | None = None, **columns: Any
    ) -> Path:
        names = (f"text{n}" for n in (1, 2))
        texts = {n: pa.array([f"{n} {row}" for row in range(rows)], pa.string()) for n in names}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(texts | columns), path, **(writer or {}))
        return path

    return write
