"""torch's build against GPUs and drivers, with an nvidia-smi whose output is set by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semscore.jobs.diagnosis import check_gpus as gpus
from semscore.jobs.diagnosis.check_gpus import check_gpus, torch_build
from semscore.jobs.diagnosis.finding import findings

Smi = Callable[..., Path]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Pretend that torch is built for a CUDA."""

    def build(cuda: str | None) -> None:
        monkeypatch.setattr(gpus, "torch_build", lambda: ("2.9", cuda))

    return build


def test_the_build_of_torch_is_read_and_torch_is_not_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from semscore.jobs.diagnosis.check_gpus import torch_build;"
        "print(torch_build(), 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"{torch_build()} False"


def test_no_gpus_are_no_fault_unless_they_are_asked_for() -> None:
    assert [one.level for one in check_gpus("auto", local=True)] == ["ok"]
    assert [one.level for one in check_gpus("gpu", local=False)] == ["ok"]  # executors' count
    [found] = check_gpus("gpu", local=True)
    assert found.level == "fail"


def test_a_build_for_cpus_beside_gpus_is_told(
    nvidia_smi: Smi, built: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi()
    built(None)
    [found] = check_gpus("auto", local=True)  # where workers take the GPUs, and fail
    assert found.level == "fail"
    assert "2 x NVIDIA A10G, but torch 2.9 is a build for CPUs" in found.found
    assert "pip install torch --index-url" in found.fix
    assert [one.level for one in check_gpus("auto", local=False)] == ["warn"]
    assert [one.level for one in check_gpus("cpu", local=True)] == ["ok"]
    monkeypatch.setenv("SEMSCORE_FAKE_GPUS", "0")
    assert [one.level for one in check_gpus("auto", local=True)] == ["ok"]


@pytest.mark.parametrize(
    ("cuda", "driver", "level"),
    [
        ("12.6", "525.60.13", "ok"),
        ("12.8", "580.65.06", "ok"),
        ("12.6", "470.57.02", "fail"),
        ("13.0", "580.65.06", "ok"),
        ("13.0", "550.54.15", "fail"),
        ("11.8", "450.80.02", "ok"),
        ("14.0", "600.1", "ok"),  # nothing is known of it
    ],
)
def test_a_driver_must_be_new_enough_for_the_build(
    nvidia_smi: Smi, built: Callable[[str | None], None], cuda: str, driver: str, level: str
) -> None:
    nvidia_smi(driver)
    built(cuda)
    [found] = check_gpus("auto", local=True)
    assert found.level == level
    assert driver in found.found


def test_a_build_without_kernels_for_the_gpu_is_told(
    nvidia_smi: Smi, built: Callable[[str | None], None]
) -> None:
    nvidia_smi("580.65.06", gpu="7.0, 16160, Tesla V100-SXM2-16GB")
    built("13.0")
    [found] = findings({"gpus": lambda: check_gpus("auto", local=True)})
    assert found.level == "fail"
    assert "compute capability 7.0" in found.found
    assert "use a build for CUDA 12.6" in found.fix


def test_a_driver_that_does_not_work_is_told(script: Callable[[str, str], Path]) -> None:
    script("nvidia-smi", "exit 9")
    [found] = findings({"gpus": lambda: check_gpus("auto", local=True)})
    assert found.level == "fail"
    assert "nvidia-smi does not work on this host" in found.found


def test_devices_that_nvidia_smi_does_not_tell_of(
    built: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr("shutil.which", lambda _: None)
    built("12.6")
    [found] = check_gpus("auto", local=True)
    assert (found.level, "nvidia-smi was not found" in found.found) == ("warn", True)
