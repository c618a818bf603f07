"""A GPU has one worker at a time, whatever the executors on its host do."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from tests.services import pairs
from tests.services.job import RECIPE
from tests.services.waiting import wait_for
from tests.services.watched import notes, watched
from tests.services.yarn import Submitted

pytestmark = [pytest.mark.yarn, pytest.mark.slow]
ROWS = 8_000
PAUSE = 0.5  # seconds that each forward pass takes at least
BACKEND = "org.apache.spark.executor.YarnCoarseGrainedExecutorBackend"


@dataclass
class Watched:
    """A job whose workers note what they do."""

    job: Submitted
    watch: Path
    output: Path

    def finish(self) -> str:
        """Check that the job ends right. Return what it said."""
        code, said = self.job.finish()
        assert code == 0, said
        pairs.require_scored(pq.read_table(self.output), ROWS)
        return said

    def events(self) -> list[dict[str, Any]]:
        """Return what the workers have noted."""
        return notes(self.watch)


@pytest.fixture
def start(large_host: Any, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start a job on four GPUs, with other settings of Spark or a fault."""
    source = tmp_path / "pairs.parquet"
    pq.write_table(pairs.table(ROWS), source, row_group_size=ROWS // 4)
    begun: list[Watched] = []

    def begin(conf: dict[str, str] | None = None, fault: Any = None, name: str = "job") -> Watched:
        watch = tmp_path / name
        watch.mkdir()
        if fault:
            (watch / "fault.json").write_text(json.dumps(fault))
        given = watched(watch) | {"spark.executorEnv.WATCH_PAUSE": str(PAUSE)} | (conf or {})
        output = tmp_path / f"out-{name}"
        words = (str(source), str(output), *RECIPE, "--unit-rows", "2000", "--batch-size", "100")
        begun.append(Watched(large_host.start(*words, conf=given), watch, output))
        return begun[-1]

    yield begin
    for each in begun:  # so that what is left of a failure does not hold GPUs
        each.job.process.kill()


def require_one_each(*jobs: Watched, most: int = 1) -> None:
    """Check that several GPUs were used, and none by more than so many processes at a time."""
    found = most_at_once(*jobs)
    assert len(found) > 1, found
    assert max(found.values()) == most, found


def most_at_once(*jobs: Watched) -> dict[str, int]:
    """Return how many processes used each GPU at the same time, at most."""
    spans: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in (event for job in jobs for event in job.events()):
        spans[event["address"]][event["pid"]].append(event["at"])
    found = {}
    for address, times in spans.items():
        edges = []
        for each in times.values():
            edges += [(min(each), 1), (max(each), -1)]
        at_once = most = 0
        for _, step in sorted(edges):
            at_once += step
            most = max(most, at_once)
        found[address] = most
    return found


def test_more_executors_than_gpus_are_not_started(start: Any) -> None:
    job = start({"spark.executor.instances": "7"})
    job.finish()
    require_one_each(job)


def test_two_applications_share_the_gpus_of_a_host(start: Any) -> None:
    jobs = [start({"spark.executor.instances": "2"}, name=name) for name in ("a", "b")]
    for job in jobs:
        job.finish()
    require_one_each(*jobs)


def test_a_replaced_executor_waits_for_the_python_of_the_old_one(
    start: Any, large_host: Any
) -> None:
    job = start()
    for count in range(1, 4):
        wait_for(lambda n=count: len(job.events()) > 4 * n, "forward passes")
        here = {BACKEND, large_host.primary}  # other tests may have executors too
        executors = [
            process
            for process in psutil.process_iter(["cmdline"])
            if here <= set(process.info["cmdline"] or ())
        ]
        executors[0].kill()
        time.sleep(5)
    job.finish()
    require_one_each(job)


def test_a_gpu_that_fails_is_set_aside(start: Any, large_host: Any) -> None:
    job = start(fault={"kind": "lost", "address": "2"})
    try:
        job.finish()
        [aside] = large_host.leases.glob("*quarantine*")
        assert "uncorrectable ECC" in aside.read_text()
    finally:
        for path in large_host.leases.glob("*quarantine*"):
            path.unlink()
    pids = {event["pid"] for event in job.events() if event["address"] == "2"}
    assert len(pids) == 1, "a second process used it"
    require_one_each(job)


def test_discovery_may_be_slow(start: Any, tmp_path: Path) -> None:
    slow = tmp_path / "discover.sh"
    script = Path(__file__).parents[2] / "container/discover_gpus.py"
    slow.write_text(f"#!/bin/sh\nsleep 20\n{script}\n")
    slow.chmod(0o755)
    job = start({"spark.executor.resource.gpu.discoveryScript": str(slow)})
    job.finish()
    require_one_each(job)


def test_two_tasks_share_a_gpu_and_never_three(start: Any) -> None:
    job = start({"spark.task.resource.gpu.amount": "0.5", "spark.task.cpus": "4"})
    job.finish()
    require_one_each(job, most=2)
