"""Two units at a time: one's last task does not leave the other slot idle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.faults

# Of units; each is one task, because its file is small, and two files are too large for one unit.
ROWS = (1500, 800, 1300, 1000, 900, 900)


@pytest.fixture
def skewed(tmp_path: Path) -> Path:
    """Files of two row groups, so that they are read as they are, without a shuffle."""
    folder = tmp_path / "skewed"
    folder.mkdir()
    for unit, rows in enumerate(ROWS):
        texts = [f"{unit} {n}: a train, a bus and a tram are late" for n in range(rows)]
        table = pa.table({"id": range(rows), "text1": texts, "text2": texts[::-1]})
        pq.write_table(table, folder / f"{unit}.parquet", row_group_size=-(-rows // 2))
    return folder


@pytest.mark.slow
def test_slots_stay_busy_through_the_tails_of_units(
    dataset: Any, skewed: Path, tmp_path: Path
) -> None:
    log = tmp_path / "events"
    log.mkdir()
    dataset.source = skewed
    dataset.unit_rows = max(ROWS)
    events = ("--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir=file://{log}")
    code, told = dataset.run("new", options=events)
    assert code == 0, told
    lines = [line for path in log.rglob("*") if path.is_file() for line in path.open()]
    ended = [e for e in map(json.loads, lines) if e["Event"] == "SparkListenerTaskEnd"]
    tasks = [
        (task["Task Info"]["Launch Time"], task["Task Info"]["Finish Time"])
        for task in ended
        if (task.get("Task Metrics") or {}).get("Output Metrics", {}).get("Records Written", 0) > 0
    ]
    assert len(tasks) == len(ROWS)
    # From the first task's start to the last but one's end: one unit after the other, that is half.
    start, end = min(start for start, _ in tasks), sorted(end for _, end in tasks)[-2]
    busy = sum(min(ended, end) - began for began, ended in tasks)
    share = busy / (2 * (end - start))
    assert share > 0.75, f"slots were busy for {share:.0%} of the time"
