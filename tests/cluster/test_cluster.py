"""Which task ran where, from what the tasks themselves wrote down; and that nothing is lost."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter, defaultdict
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.cluster


def require_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, (score, status) in expected.items():
        assert found[name][1] == status, name
        assert found[name][0] == (score if score is None else pytest.approx(score, abs=2e-6)), name


def test_each_task_runs_on_the_gpu_that_spark_gave_it(
    submit: Any, cluster: Any, expected: dict[str, Any]
) -> None:
    job = submit()
    told = job.finish()
    require_equal(job.scores(), expected)
    events = job.events()
    addresses = defaultdict(set)
    for event in events:
        addresses[event["pid"]].add(event["address"])
    assert {gpu for held in addresses.values() for gpu in held} == set(cluster.gpus)
    assert all(len(held) == 1 for held in addresses.values()), "a worker changed its GPU"
    loads = Counter(event["pid"] for event in events if event["event"] == "load")
    assert set(loads.values()) == {1}, "a model was loaded more than once"
    assert len(loads) == len(cluster.gpus), "more than one worker on a GPU"
    tasks = {(event["pid"], event["attempt"]) for event in events}
    assert len(tasks) > len(loads), f"no worker was used again: {told}"
    units = [json.loads(path.read_text()) for path in job.output.glob("_semscore/units/*.json")]
    recorded = {worker.split()[2] for unit in units for worker in unit["workers"]}
    assert recorded == {f"gpu:{gpu}" for gpu in cluster.gpus}


@pytest.mark.slow
def test_two_workers_share_a_gpu_and_never_three(submit: Any, expected: dict[str, Any]) -> None:
    job = submit(conf={"spark.executor.cores": "2", "spark.task.resource.gpu.amount": "0.5"})
    job.finish()
    require_equal(job.scores(), expected)
    workers = defaultdict(set)
    for event in job.events():
        workers[event["address"]].add(event["pid"])
    assert workers and all(len(pids) <= 2 for pids in workers.values()), workers
    assert any(len(pids) == 2 for pids in workers.values()), workers


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_but_its_task(
    submit: Any, expected: dict[str, Any]
) -> None:
    job = submit()
    job.wait_for_work(2)
    victim = job.events()[-1]["pid"]
    os.kill(victim, signal.SIGKILL)
    job.finish()
    assert not psutil.pid_exists(victim)
    require_equal(job.scores(), expected)


@pytest.mark.slow
def test_an_executor_that_is_killed_is_replaced(
    submit: Any, cluster: Any, expected: dict[str, Any]
) -> None:
    job = submit()
    job.wait_for_work(2)
    victim = cluster.executors()[0]
    victim.send_signal(signal.SIGKILL)
    job.finish()
    require_equal(job.scores(), expected)


def test_a_whole_host_that_is_gone_leaves_its_work_to_the_other(
    submit: Any, cluster: Any, expected: dict[str, Any]
) -> None:
    """Files are divided, so tasks of both runs of a lost stage read the same row groups."""
    job = submit("--unit-rows", "2000")
    job.wait_for_work(2)
    cluster.kill_host("127.0.0.2")
    job.finish()
    require_equal(job.scores(), expected)
    assert job.units.statuses.total() == job.units.rows == len(expected)


@pytest.mark.slow
def test_a_task_that_runs_twice_is_published_and_measured_once(
    submit: Any, expected: dict[str, Any]
) -> None:
    conf = {
        "spark.speculation": "true",
        "spark.speculation.interval": "20ms",
        "spark.speculation.multiplier": "1.0001",
        "spark.speculation.quantile": "0.1",
        "spark.speculation.minTaskRuntime": "1ms",
    }
    job = submit("--unit-rows", "2000", "--debug", conf=conf)
    told = job.finish()
    assert "as speculatable" in told
    require_equal(job.scores(), expected)
    assert job.units.statuses.total() == job.units.rows == len(expected)


@pytest.mark.slow
def test_a_gpu_that_is_lost_is_set_aside_and_its_work_moves(
    submit: Any, cluster: Any, expected: dict[str, Any]
) -> None:
    bad = cluster.gpus[1]
    job = submit(fault={"kind": "lost", "address": bad})
    try:
        job.finish()
        require_equal(job.scores(), expected)
        passes = [event for event in job.events() if event["address"] == bad]
        pids = {event["pid"] for event in passes}
        assert len(pids) <= 1, "a second process used the lost GPU"
        [aside] = (cluster.folder / "leases").glob("*quarantine*")
        assert "uncorrectable ECC" in aside.read_text()
    finally:
        for path in (cluster.folder / "leases").glob("*quarantine*"):
            path.unlink()


@pytest.mark.slow
def test_a_gpu_that_is_too_small_gets_smaller_batches(
    submit: Any, expected: dict[str, Any]
) -> None:
    job = submit(fault={"kind": "memory", "tokens": 600})
    told = job.finish()
    require_equal(job.scores(), expected)
    units = [json.loads(path.read_text()) for path in job.output.glob("_semscore/units/*.json")]
    assert sum(unit["meters"]["oom_retries"] for unit in units) > 0
    assert "a device ran out of memory, so its batches were reduced" in told
