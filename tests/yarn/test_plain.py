"""A run on YARN without namespaces."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.services import pairs
from tests.services.job import RECIPE
from tests.services.waiting import wait_for
from tests.services.watched import notes, watched

pytestmark = pytest.mark.yarn
ROWS = 6_000


def test_each_task_runs_on_the_gpu_that_yarn_gave_its_executor(yarn: Any, tmp_path: Path) -> None:
    source, output, watch = tmp_path / "pairs.parquet", tmp_path / "out", tmp_path / "watch"
    watch.mkdir()
    pq.write_table(pairs.table(ROWS), source, row_group_size=ROWS // 3)
    words = (str(source), str(output), *RECIPE, "--unit-rows", "2000")
    code, said = yarn.submit(*words, conf=watched(watch))
    assert code == 0, said
    pairs.require_scored(pq.read_table(output), ROWS)
    events = notes(watch)
    addresses = defaultdict(set)
    for event in events:
        addresses[event["pid"]].add(event["address"])
    held = sorted(sorted(each) for each in addresses.values())
    assert held == [["0"], ["1"]], "one worker on the GPU of each host"
    loads = Counter(event["pid"] for event in events if event["event"] == "load")
    assert set(loads.values()) == {1}, "a model was loaded more than once"
    tasks = {(event["pid"], event["attempt"]) for event in events}
    assert len(tasks) > len(loads), f"no worker was used again: {said}"
    units = [json.loads(path.read_text()) for path in output.glob("_semscore/units/*.json")]
    recorded = {worker.split()[2] for unit in units for worker in unit["workers"]}
    assert recorded == {"gpu:0", "gpu:1"}


@pytest.mark.slow
def test_an_application_that_is_killed_says_so_and_is_resumed(yarn: Any, tmp_path: Path) -> None:
    source, output = tmp_path / "pairs.parquet", tmp_path / "out"
    pq.write_table(pairs.table(ROWS), source, row_group_size=ROWS // 3)
    words = (str(source), str(output), *RECIPE, "--unit-rows", "2000", "--mode", "resume")
    job = yarn.start(*words)
    wait_for(lambda: list(output.glob("_semscore/units/*.json")), "a unit")
    yarn.kill_application()
    code, told = job.finish(120)
    assert code == 75, told
    said = next(line for line in told.splitlines() if "stopped (" in line)
    assert "YARN ended the application: " in said
    assert "killed by user" in said
    assert "To resume: the same command with --mode resume" in said
    code, told = yarn.submit(*words)
    assert code == 0, told
    pairs.require_scored(pq.read_table(output), ROWS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "conf",
    [
        pytest.param({"spark.submit.deployMode": "cluster"}, id="cluster mode"),
        pytest.param(
            {
                "spark.dynamicAllocation.enabled": "true",
                "spark.dynamicAllocation.shuffleTracking.enabled": "true",
                "spark.dynamicAllocation.minExecutors": "0",
                "spark.dynamicAllocation.executorIdleTimeout": "2s",
            },
            id="dynamic allocation",
        ),
    ],
)
def test_other_ways_to_run_on_yarn(yarn: Any, tmp_path: Path, conf: dict[str, str]) -> None:
    source, output = tmp_path / "pairs.parquet", tmp_path / "out"
    pq.write_table(pairs.table(ROWS), source, row_group_size=ROWS // 3)
    code, said = yarn.submit(*(str(source), str(output), *RECIPE, "--unit-rows", "2000"), conf=conf)
    assert code == 0, said
    pairs.require_scored(pq.read_table(output), ROWS)
