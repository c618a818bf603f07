"""This machine's figures, within a container's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from semscore.jobs.hosts import this_host as module
from semscore.jobs.hosts.instances import GIB, Gpu
from semscore.jobs.hosts.this_host import this_host
from semscore.udfs.errors import UserError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without limits and GPUs; on its PATH is `tmp_path/bin`."""
    for name in ("CUDA_VISIBLE_DEVICES", "SEMSCORE_FAKE_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "CGROUP", tmp_path / "cgroup")
    (tmp_path / "cgroup" / "memory").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    return tmp_path


def nvidia_smi(folder: Path, script: str) -> None:
    path = folder / "bin" / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_machine_without_gpus() -> None:
    host = this_host()
    assert (host.gpus, host.gpu) == (0, None)
    assert host.cpus >= 1
    assert host.memory > GIB


def test_a_containers_limits_count(bare: Path) -> None:
    (bare / "cgroup" / "cpu.max").write_text("max 100000\n")
    (bare / "cgroup" / "memory.max").write_text("max\n")
    free = this_host()
    (bare / "cgroup" / "cpu.max").write_text("50000 100000\n")
    (bare / "cgroup" / "memory.max").write_text(f"{GIB}\n")
    host = this_host()
    assert (host.cpus, host.memory) == (1, GIB)
    assert (free.cpus, free.memory) != (1, GIB)


def test_the_first_version_of_cgroups_counts_too(bare: Path) -> None:
    limit = bare / "cgroup" / "memory" / "memory.limit_in_bytes"
    limit.write_text("9223372036854771712\n")
    assert this_host().memory < 2**50
    limit.write_text(f"{GIB}\n")
    assert this_host().memory == GIB


def test_gpus_are_counted_and_known_by_the_weakest(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(
        bare,
        'case "$*" in *index*) printf "0\\n1\\n" ;;\n'
        '*) printf "8.6, 23028, NVIDIA A10G\\n7.5, 15360, Tesla T4\\n" ;; esac',
    )
    host = this_host()
    assert (host.gpus, host.gpu) == (2, Gpu("Tesla T4", 15 * GIB, 7.5))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert (this_host().gpus, this_host().gpu) == (0, None)


def test_a_driver_that_does_not_work_is_said(bare: Path) -> None:
    nvidia_smi(bare, "exit 9")
    with pytest.raises(UserError, match=r"nvidia-smi does not work .* hide the GPUs with CUDA_VIS"):
        this_host()


def test_pretended_gpus_have_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_FAKE_GPUS", "3,5")
    assert (this_host().gpus, this_host().gpu) == (2, None)
