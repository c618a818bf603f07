"""The examples of docs/columns.md run, one after the other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.demo.pairs import graded_pairs
from tests.services.examples import blocks, run

PAGE = (Path(__file__).parents[2] / "docs/columns.md").read_text("utf-8")


def test_columns(tmp_path: Path) -> None:
    pairs = graded_pairs()[:60]
    for place in ("pairs/day=3", "pairs/day=4", "arriving/day=5"):
        (tmp_path / place).mkdir(parents=True)
        columns = {
            "id": pa.array(range(len(pairs)), pa.int64()),
            "text1": [pair.text1 for pair in pairs],
            "text2": [pair.text2 for pair in pairs],
        }
        pq.write_table(pa.table(columns), tmp_path / place / "part.parquet")
    script = tmp_path / "examples.py"
    script.write_text("\n".join(blocks(PAGE, "python")), "utf-8")
    said = run(["python", "examples.py"], tmp_path)
    assert said.count("+---") > 10
    assert pq.read_table(tmp_path / "scored-stream").num_rows == 60
    assert 0 < pq.read_table(tmp_path / "similar").num_rows < 60
