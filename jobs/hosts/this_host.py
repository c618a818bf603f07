"""What this machine has, and this process may use."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from math import ceil
from pathlib import Path

import psutil

from semscore.jobs.hosts.instances import Gpu, Host
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.discovery import ask_driver, visible_gpus

CGROUP = Path("/sys/fs/cgroup")  # a container's own, from inside of it
GPU_FIGURES = "compute_cap,memory.total,name"
CPU_FLAGS = {"amx_bf16", "avx512_bf16"}


def this_host() -> Host:
    """CPUs, memory and GPUs, within the limits of the container if there is one.

    Raises UserError if nvidia-smi is there and does not work.
    """
    try:
        addresses = visible_gpus()
        gpu = _model() if addresses else None
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(
            f"nvidia-smi does not work on this host ({error}); repair the driver, or hide the GPUs "
            "with CUDA_VISIBLE_DEVICES="
        ) from error
    return Host(
        cpus=_cpus(), memory=_memory(), gpus=len(addresses), gpu=gpu, bfloat16=_has_bfloat16()
    )


def _cpus() -> int:
    """CPUs that this process may run on; of a quota, what it amounts to."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpus = affinity or 1
    with suppress(OSError, ValueError):  # no cgroups, or `max`: no limit
        quota, period = (CGROUP / "cpu.max").read_text().split()
        cpus = min(cpus, ceil(int(quota) / int(period)))
    return cpus


def _memory() -> int:
    """Bytes; cgroups of version 1 write a huge number where there is no limit."""
    memory: int = psutil.virtual_memory().total
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            memory = min(memory, int((CGROUP / name).read_text()))
    return memory


def _model() -> Gpu | None:
    """The weakest GPU's; None if there is no nvidia-smi, as where GPUs are pretended."""
    if not shutil.which("nvidia-smi"):
        return None
    rows = (line.split(", ", 2) for line in ask_driver(GPU_FIGURES))
    found = [Gpu(name, int(mib) * 2**20, float(capability)) for capability, mib, name in rows]
    return min(found, key=lambda gpu: (gpu.capability, gpu.memory), default=None)


def _has_bfloat16() -> bool:
    with suppress(OSError):
        return not CPU_FLAGS.isdisjoint(Path("/proc/cpuinfo").read_text().split())
    return False
