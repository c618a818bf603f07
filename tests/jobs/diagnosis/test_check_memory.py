"""Memory of hosts and executors of all sizes, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semscore.jobs.diagnosis import check_memory as memory
from semscore.jobs.diagnosis.check_memory import check_memory, memory_bytes
from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.jobs.hosts.instances import GIB, Gpu, Host
from semscore.jobs.options.slices import Spark

Look = Callable[..., Finding]


@pytest.fixture
def look(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The finding for a master, with Spark's settings as keywords: `driver_memory`."""

    def look(
        master: str, host: Host | None = None, instance_type: str | None = None, **conf: str
    ) -> Finding:
        for module in ("semscore.jobs.diagnosis.check_memory", "semscore.jobs.hosts.resources"):
            monkeypatch.setattr(f"{module}.this_host", lambda: host)
        keys = {f"spark.{key.replace('_', '.')}": value for key, value in conf.items()}
        run = settings(spark=Spark(master=master, instance_type=instance_type))
        [found] = findings({"memory": lambda: check_memory(run, keys | {"spark.master": master})})
        return found

    return look


@pytest.mark.parametrize(
    ("text", "size"), [("8g", 8 * GIB), ("512m", 2**29), ("1024", GIB), ("2GB", 2 * GIB)]
)
def test_sizes_as_java_writes_them(text: str, size: int) -> None:
    assert memory_bytes(text) == size


def test_a_host_with_room_for_all_workers(look: Look) -> None:
    found = look("local[*]", Host(cpus=4, memory=16 * GIB), driver_memory="4g")
    assert (found.level, found.fix) == ("ok", "")


def test_too_many_workers_are_told_with_the_number_that_fits(look: Look) -> None:
    found = look("local[*]", Host(cpus=32, memory=16 * GIB), driver_memory="6g")
    assert found.level == "warn"
    assert found.fix.startswith("--master 'local[8]'")  # 10 GiB for workers of 1.25
    assert look("local[8]", Host(cpus=32, memory=16 * GIB), driver_memory="6g").level == "ok"
    assert look("local", Host(cpus=32, memory=16 * GIB), driver_memory="6g").level == "ok"


def test_workers_on_gpus_take_more(look: Look) -> None:
    gpu = Gpu("A10G", 24 * GIB, 8.6)
    host = Host(cpus=8, memory=8 * GIB, gpus=2, gpu=gpu)
    found = look("local[*]", host, driver_memory="4g")
    assert found.level == "warn"  # a worker for each GPU, of 4 cores
    assert found.fix.startswith("--master 'local[4]'")
    assert look("local[*]", host, driver_memory="2g").level == "ok"


def test_a_heap_that_leaves_nothing_fails(look: Look) -> None:
    found = look("local[2]", Host(cpus=2, memory=4 * GIB), driver_memory="4g")
    assert (found.level, found.fix) == ("fail", "--conf spark.driver.memory=2g")


def test_the_default_heap_is_that_of_a_local_start(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the machine, and a container may have less."""
    monkeypatch.setattr(memory, "local_heap", lambda: 20 * GIB)
    assert look("local[2]", Host(cpus=2, memory=8 * GIB)).level == "fail"


@pytest.mark.parametrize("master", ["yarn", "k8s://https://h"])
def test_overhead_must_hold_the_python_workers(look: Look, master: str) -> None:
    found = look(master, executor_memory="8g", executor_cores="4")
    assert found.level == "warn"
    assert "spark.executor.memoryOverhead=5g" in found.fix
    assert look(master, executor_memoryOverhead="5g", executor_cores="4").level == "ok"
    share = {"executor_memoryOverheadFactor": "0.7", "executor_memory": "8g"}
    assert look(master, executor_cores="4", **share).level == "ok"


def test_a_standalone_cluster_counts_heaps_only(settings: Any) -> None:
    conf = {"spark.master": "spark://h:7077", "spark.executor.cores": "8"}
    assert list(check_memory(settings(), conf)) == []


def test_hosts_are_sized_or_refused(look: Look) -> None:
    found = look("yarn", instance_type="g5.2xlarge")
    assert (found.level, "executors 1" in found.found) == ("ok", True)
    for name in ("g5.2xlarg", "t3.micro"):
        assert look("yarn", instance_type=name).level == "fail"


def test_a_size_that_is_none_is_no_stack_trace(look: Look) -> None:
    found = look("yarn", executor_memory="lots")
    assert (found.level, "'lots' is not a size" in found.found) == ("warn", True)
