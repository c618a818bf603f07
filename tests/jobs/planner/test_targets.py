"""Types of hosts as what a run computes with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semscore.jobs.history.achieved import Calibration
from semscore.jobs.hosts.instances import GIB, Host, known_gpu
from semscore.jobs.planner.estimate import exactly
from semscore.jobs.planner.predict import CpuCosts, Cut, predict
from semscore.jobs.planner.speed import RowCost, Speed
from semscore.jobs.planner.targets import (
    CALIBRATED,
    GPU_SHARE,
    OTHER_CORES,
    balanced,
    hosts_of,
    this_machine,
)
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine

HERE = Host(cpus=4, memory=16 * GIB)
A10G = Calibration(
    hardware="NVIDIA A10G",
    backend="flat",
    precision="bfloat16",
    rows=1_000_000,
    distinct_texts=1_000_000,
    tokens=30_000_000,
    flop=2e15,
    wall_s=50.0,
    devices=2,
    workers=4,
    seconds={},
    flop_per_s=20e12,
)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla T4", "T4"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
        ("NVIDIA A10", None),
        ("NVIDIA A100-SXM4-40GB", "A100-40"),
        ("NVIDIA B200", None),
    ],
)
def test_gpus_are_known_by_what_cuda_calls_them(device: str, name: str | None) -> None:
    gpu = known_gpu(device)
    assert (gpu and gpu.name) == name


def test_a_gpu_is_assumed_to_reach_a_share_of_its_peak(cpu_speed: Speed) -> None:
    found = hosts_of("ml.g5.12xlarge", 2, "auto", cpu_speed, [], Engine())
    assert (found.devices, found.slots, found.precision) == (8, 8, "bfloat16")
    assert found.flop_per_s == GPU_SHARE.times(70e12)
    assert found.basis.startswith("assumed: 10% to 50% of A10G's peak, 70 TFLOP/s")
    exact = hosts_of("ml.g5.12xlarge", 2, "float32", cpu_speed, [], Engine())
    assert exact.flop_per_s == GPU_SHARE.times(35e12)


@pytest.mark.parametrize("name", ["ml.g4dn.xlarge", "ml.p3.2xlarge"])
def test_old_gpus_compute_in_float16(cpu_speed: Speed, name: str) -> None:
    assert hosts_of(name, 1, "auto", cpu_speed, [], Engine()).precision == "float16"


def test_a_calibration_replaces_the_assumption_for_its_own_hardware(cpu_speed: Speed) -> None:
    found = hosts_of("ml.g5.xlarge", 1, "auto", cpu_speed, [A10G], Engine())
    assert found.flop_per_s == CALIBRATED.times(20e12)
    assert found.basis == "achieved by past runs: 1,000,000 rows on NVIDIA A10G"
    for name, precision in (("ml.g6.xlarge", "auto"), ("ml.g5.xlarge", "float32")):
        assert not hosts_of(name, 1, precision, cpu_speed, [A10G], Engine()).whole_run


def test_with_padding_another_calibration_counts(cpu_speed: Speed) -> None:
    padded = Engine(backend="torch")
    assert not hosts_of("ml.g5.xlarge", 1, "auto", cpu_speed, [A10G], padded).whole_run
    past = [replace(A10G, backend="torch")]
    assert hosts_of("ml.g5.xlarge", 1, "auto", cpu_speed, past, padded).whole_run


def test_several_calibrations_widen_the_range(cpu_speed: Speed) -> None:
    slow = replace(A10G, flop=1e15, flop_per_s=10e12)
    rate = hosts_of("ml.g5.xlarge", 1, "auto", cpu_speed, [A10G, slow], Engine()).flop_per_s
    assert (rate.low, rate.mid, rate.high) == (7.5e12, 15e12, 20e12 * CALIBRATED.high)


def test_cpus_are_as_fast_as_those_here_give_or_take(cpu_speed: Speed) -> None:
    found = hosts_of("ml.m5.4xlarge", 1, "auto", cpu_speed, [], Engine())
    assert found.flop_per_s == OTHER_CORES.times(1e9)
    assert (found.devices, found.slots) == (15, 15)
    assert "estimated from a core of this machine (Some CPU, 1 thread)" in found.basis
    half = replace(cpu_speed, precision="bfloat16")
    assert hosts_of("ml.m7i.4xlarge", 1, "auto", half, [], Engine()).precision == "bfloat16"
    old = hosts_of("ml.m5.4xlarge", 1, "auto", half, [], Engine())
    assert (old.precision, old.flop_per_s) == ("float32", OTHER_CORES.times(0.5e9))


@pytest.mark.parametrize(
    ("name", "engine", "precision", "said"),
    [
        ("ml.g4dn.xlarge", Engine(), "bfloat16", "T4 has 7.5; use float16"),
        ("ml.g5.xlarge", Engine(), "int8", "runs on CPUs only"),
        ("ml.g5.xlarge", Engine(device="cpu"), "auto", "1 GPU would be idle"),
        ("ml.m5.xlarge", Engine(device="gpu"), "auto", "it has no GPUs"),
        ("ml.m5.4xlarge", Engine(), "bfloat16", "do not compute in bfloat16"),
        ("ml.g5.xlarge", Engine(workers_per_gpu=4), "auto", "4 workers per GPU would need 4 cores"),
    ],
)
def test_what_cannot_be_is_said(
    cpu_speed: Speed, name: str, engine: Engine, precision: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        hosts_of(name, 1, precision, replace(cpu_speed, precision="bfloat16"), [], engine)


def test_no_cpu_can_be_told_from_a_gpu(cpu_speed: Speed) -> None:
    with pytest.raises(UserError, match="plan for it with --device cpu"):
        hosts_of("ml.m5.xlarge", 1, "auto", replace(cpu_speed, device="gpu:0"), [], Engine())


def test_this_machine_is_what_it_measured_or_what_a_run_here_did(cpu_speed: Speed) -> None:
    found = this_machine(HERE, cpu_speed, [], 1)
    assert (found.devices, found.slots, found.whole_run) == (4, 4, False)
    assert found.flop_per_s.mid == pytest.approx(0.97e9)
    here = replace(
        A10G, hardware=cpu_speed.hardware, backend="openvino", precision="float32", flop_per_s=7e8
    )
    assert this_machine(HERE, cpu_speed, [here, A10G], 1).flop_per_s.high == pytest.approx(
        7e8 * CALIBRATED.high
    )
    other = this_machine(HERE, cpu_speed, [replace(here, precision="bfloat16")], 1)
    assert not other.whole_run


def test_a_gpu_here_is_shared_by_its_workers(cpu_speed: Speed) -> None:
    gpu = replace(cpu_speed, device="gpu:0", backend="torch", workers=4)
    found = this_machine(replace(HERE, gpus=2), gpu, [], 2)
    assert (found.devices, found.slots, found.on_gpu) == (2, 4, True)
    assert found.flop_per_s.mid == pytest.approx(2 * 0.97e9)


@pytest.mark.parametrize(("tokenize_s", "workers"), [(1e-8, 1), (1e-6, 2), (1e-5, 4)])
def test_gpus_that_would_wait_get_more_workers(
    cpu_speed: Speed, tokenize_s: float, workers: int
) -> None:
    target = hosts_of("ml.g5.4xlarge", 1, "auto", cpu_speed, [], Engine())
    row = RowCost(exactly(2), exactly(100), exactly(1.75e9))  # 0.1 ms of the GPU
    parts = Cut(4, 40, 16_384, 1)
    found = predict(target, 1_000_000, parts, row, CpuCosts(tokenize_s, 0), None)
    assert balanced(target, found).workers_per_device == workers


def test_a_host_too_small_for_more_workers_keeps_what_it_bears(cpu_speed: Speed) -> None:
    target = hosts_of("ml.g5.xlarge", 1, "auto", cpu_speed, [], Engine())
    row = RowCost(exactly(2), exactly(100), exactly(1.75e9))
    found = predict(target, 1_000_000, Cut(4, 40, 1, 1), row, CpuCosts(1e-5, 0), None)
    assert balanced(target, found).workers_per_device < 4
