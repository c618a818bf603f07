"""The device is what Spark gave the task; where Spark gives none, workers share what they see."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from semscore.udfs.errors import DeviceFailed
from semscore.udfs.gpus import device, leases
from semscore.udfs.gpus.device import (
    CPU,
    TaskDevice,
    for_workers,
    hardware_name,
    task_cpus,
    task_device,
    torch_name,
)
from semscore.udfs.recipe import Engine


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "leases"))
    for name in ("CUDA_VISIBLE_DEVICES", "SEMSCORE_FAKE_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(device, "has_mps", lambda: False)


def task(gpus: list[str] | None = None, cpus: int = 1) -> Any:
    resources = {} if gpus is None else {"gpu": SimpleNamespace(name="gpu", addresses=gpus)}
    return SimpleNamespace(resources=lambda: resources, cpus=lambda: cpus)


@pytest.mark.parametrize(
    ("wish", "context", "expected"),
    [
        ("auto", None, TaskDevice("cpu")),
        ("auto", task(), TaskDevice("cpu")),
        ("auto", task(["3"]), TaskDevice("cuda:3", "3")),
        ("gpu", task(["2", "0"]), TaskDevice("cuda:2", "2")),
        ("cpu", task(["3"]), TaskDevice("cpu")),
        ("cpu", None, TaskDevice("cpu")),
    ],
)
def test_a_task_computes_where_spark_put_it(wish: Any, context: Any, expected: TaskDevice) -> None:
    assert task_device(Engine(device=wish), context) == expected


def test_a_task_without_the_gpu_that_is_asked_for_says_what_is_missing() -> None:
    with pytest.raises(
        DeviceFailed, match=r"no GPU to this task on .*; set spark\.task\.resource\.gpu\.amount and"
    ):
        task_device(Engine(device="gpu"), task())


@pytest.mark.parametrize(
    ("visible", "address", "expected"),
    [
        (None, "3", "cuda:3"),
        ("3,5", "5", "cuda:1"),  # an entry of the list
        ("1,0", "0", "cuda:1"),
        ("GPU-a, GPU-b", "GPU-b", "cuda:1"),
        ("5", "5", "cuda:0"),
        ("5", "0", "cuda:0"),  # pinned by somebody else
        ("GPU-a,GPU-b", "1", "cuda:1"),  # already relative, as a pod's
        ("3,-1,5", "3", "cuda:0"),  # CUDA stops at -1
    ],
)
def test_torch_counts_only_visible_devices(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, address: str, expected: str
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert torch_name(address) == expected


@pytest.mark.parametrize(
    ("visible", "address"),
    [("3,5", "7"), ("3,5", "GPU-a"), ("3,5,-1,7", "7"), ("", "3"), ("-1", "3"), (None, "GPU-a")],
)
def test_a_gpu_that_the_process_cannot_see_is_refused(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, address: str
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(DeviceFailed, match=rf"GPU '{address}', .*CUDA_VISIBLE_DEVICES"):
        torch_name(address)


def test_pretended_gpus_are_computed_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_FAKE_GPUS", "3,5")
    found = task_device(Engine(), task(["5"]))
    assert (found, found.label) == (TaskDevice("cpu", "5"), "gpu:5")


def test_workers_of_a_local_master_share_what_they_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    engine = for_workers(Engine(), "local[4]")
    assert task_device(engine, task()) == TaskDevice("cuda:0", "3")
    monkeypatch.setattr(os, "getpid", os.getppid)  # another living process
    assert task_device(engine, task()) == TaskDevice("cuda:1", "5")
    assert task_device(for_workers(Engine(device="cpu"), "local[4]"), task()) == TaskDevice("cpu")


@pytest.mark.parametrize("master", ["spark://h:7077", "yarn", "local-cluster[2,1,1024]"])
def test_on_clusters_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch, master: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert task_device(for_workers(Engine(), master), task()) == TaskDevice("cpu")


def test_a_local_machine_without_gpus_uses_its_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert task_device(for_workers(Engine(), "local[*]"), task()) == TaskDevice("cpu")
    monkeypatch.setattr(device, "has_mps", lambda: True)
    assert task_device(for_workers(Engine(), "local[*]"), task()) == TaskDevice("mps")


def test_a_gpu_that_is_set_aside_is_refused_with_the_file_that_does_it() -> None:
    leases.quarantine("3", "ECC error")
    with pytest.raises(DeviceFailed, match=rf"GPU 3 .*ECC error.* {leases.quarantine_file('3')}"):
        task_device(Engine(), task(["3"]))


def test_cores_are_those_of_the_task() -> None:
    assert task_cpus(task(cpus=4)) == 4
    assert task_cpus(None) == 1


def test_a_cpu_is_named_with_the_threads_that_a_task_has() -> None:
    assert hardware_name(CPU, 1).endswith(", 1 thread")
    assert hardware_name(CPU, 4).endswith(", 4 threads")
