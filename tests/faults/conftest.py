"""Start runs of the command that are killed, and check the dataset after each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import CommittedUnit
from semscore.udfs.stores.local_folder import LocalFolder
from tests.services import pairs

DRIVER = Path(__file__).with_name("driver.py")
UNITS, ROWS = 30, 30
SMALL = {f"{n:02}.parquet": [ROWS] for n in range(UNITS)}
SHAPES = {  # path -> rows of each row group; 900 rows in 30 units in each of them
    "files": SMALL,
    "row groups": {"a.parquet": [ROWS] * UNITS},
    "pieces": {"a.parquet": [ROWS * UNITS]},
    "mixed": dict(list(SMALL.items())[:10]) | {"m.parquet": [ROWS] * 10, "n.parquet": [ROWS * 10]},
    "partitions": {"k=0/a.parquet": [ROWS] * 15, "k=1/a.parquet": [ROWS * 15]},
}
OPTIONS = ("--model", pairs.MODEL, "--precision", "float32", "--master", "local[2]")


@dataclass
class Dataset:
    """The INPUT and OUTPUT of runs that are killed."""

    source: Path
    output: Path
    unit_rows: int = ROWS

    def start(
        self, mode: str = "resume", options: Sequence[str] = (), **plan: Any
    ) -> subprocess.Popen[str]:
        command = [sys.executable, str(DRIVER), json.dumps(plan), "score"]
        command += [str(self.source), str(self.output), *OPTIONS, *options, "--mode", mode]
        command += ["--unit-rows", str(self.unit_rows)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(
        self, mode: str = "resume", options: Sequence[str] = (), **plan: Any
    ) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
        process = self.start(mode, options, **plan)
        out, log = process.communicate(timeout=400)
        return process.returncode, out + log

    def committed(self) -> dict[str, CommittedUnit]:
        """Return the committed units by id. Check the sizes of their files, and the meters."""
        units = ledger.read_units(LocalFolder(str(self.output)))
        assert units.statuses.total() == units.rows
        for unit in units:
            for file in unit.files:
                assert (self.output / file.path).stat().st_size == file.bytes
        return {unit.id: unit for unit in units}

    def scores(self) -> dict[int, float]:
        """Return the scores by id, and check that each id occurs once."""
        table = ds.dataset(self.output, partitioning="hive").to_table().to_pydict()
        assert len(table["id"]) == len(set(table["id"]))
        return dict(zip(table["id"], table["semanticScore"], strict=True))

    def require_complete(self, expected: dict[int, float]) -> None:
        """Check that all rows occur once with equal scores, and that there are no unknown files."""
        assert self.scores() == pytest.approx(expected, abs=1e-6)
        files = {path.relative_to(self.output) for path in self.output.rglob("*") if path.is_file()}
        units = self.committed().values()
        known = {Path(file.path) for unit in units for file in unit.files}
        known |= {Path(unit.path) for unit in units}
        known |= {Path(ledger.RUN), Path(ledger.MANIFEST), Path(ledger.SUCCESS)}
        known |= {Path(ledger.PROGRESS), Path(ledger.REPORT), Path(ledger.PAGE)}
        assert {
            path for path in files - known if path.parent.name not in ("lease", "seals")
        } == set()
        assert known <= files


def write(folder: Path, files: dict[str, list[int]]) -> Path:
    """Write files with rows 0, 1, … in order. `files`: path -> rows of each row group."""
    start = 0
    for path, groups in files.items():
        ids = range(start, start + sum(groups))
        start = ids.stop
        columns = {
            "id": list(ids),
            "text1": [pairs.texts(n)[0] for n in ids],
            "text2": [pairs.texts(n)[1] for n in ids],
        }
        table = pa.table(columns)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(folder / path, table.schema) as writer:
            for rows in groups:
                writer.write_table(table.slice(0, rows), row_group_size=rows)
                table = table.slice(rows)
    return folder


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """INPUT in each shape."""
    home = tmp_path_factory.mktemp("faults")
    return {shape: write(home / shape, files) for shape, files in SHAPES.items()}


@pytest.fixture(scope="session")
def expected() -> dict[int, float]:
    """The scores of all rows."""
    return pairs.scores(UNITS * ROWS)


@pytest.fixture
def dataset(sources: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Dataset:
    """A dataset whose INPUT has the shape in the parameter, by default a mixture."""
    return Dataset(sources[getattr(request, "param", "mixed")], tmp_path / "out")
