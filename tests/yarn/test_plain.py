"""A run on YARN without namespaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.services import pairs
from tests.yarn.conftest import RECIPE

pytestmark = pytest.mark.yarn
ROWS = 6_000


def test_a_run_has_an_executor_for_each_gpu_that_yarn_counts(yarn: Any, tmp_path: Path) -> None:
    source, output = tmp_path / "pairs.parquet", tmp_path / "out"
    pq.write_table(pairs.table(ROWS), source, row_group_size=ROWS // 3)
    code, said = yarn.submit(str(source), str(output), *RECIPE, "--unit-rows", "2000")
    assert code == 0, said
    pairs.require_scored(pq.read_table(output), ROWS)
    units = [json.loads(path.read_text()) for path in output.glob("_semscore/units/*.json")]
    workers = {worker for unit in units for worker in unit["workers"]}
    assert {worker.split()[2] for worker in workers} == {"gpu:0", "gpu:1"}, workers
