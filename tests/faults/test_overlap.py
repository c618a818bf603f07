"""Two units at a time: one's last task does not leave the other slot idle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.faults

UNITS, LONG, SHORT = 6, 3000, 300  # rows of the two tasks of each unit


@pytest.fixture
def skewed(tmp_path: Path) -> Path:
    """Files of two row groups, a long and a short one."""
    folder = tmp_path / "skewed"
    folder.mkdir()
    for unit in range(UNITS):
        with pq.ParquetWriter(folder / f"{unit}.parquet", schema()) as writer:
            for rows, name in ((LONG, "long"), (SHORT, "short")):
                texts = [
                    f"{name} {unit} {n}: a train, a bus and a tram are late" for n in range(rows)
                ]
                columns = {"id": range(rows), "text1": texts, "text2": texts[::-1]}
                writer.write_table(pa.table({k: list(v) for k, v in columns.items()}, schema()))
    return folder


def schema() -> pa.Schema:
    return pa.schema({"id": pa.int64(), "text1": pa.string(), "text2": pa.string()})


def test_slots_stay_busy_through_the_tails_of_units(
    dataset: Any, skewed: Path, tmp_path: Path
) -> None:
    log = tmp_path / "events"
    log.mkdir()
    dataset.source = skewed
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
    assert len(tasks) == 2 * UNITS
    # Without the first unit, in which the workers load the model.
    first = sorted(end for _, end in tasks)[2]
    busy = sum(max(end - max(start, first), 0) for start, end in tasks)
    share = busy / (2 * (max(end for _, end in tasks) - first))
    alone = (LONG + SHORT) / (2 * LONG)  # if a unit waited for the one before it
    assert share > (1 + alone) / 2, f"slots were busy for {share:.0%} of the time"
