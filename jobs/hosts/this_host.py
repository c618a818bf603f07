"""The CPUs, memory and GPUs of this host that this process may use."""

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
from semscore.udfs.gpus.cpu import has_bfloat16_products
from semscore.udfs.gpus.discovery import ask_driver, visible_gpus

CGROUP = Path("/sys/fs/cgroup")  # inside a container, this is the container's own
GPU_FIGURES = "compute_cap,memory.total,name"


def this_host() -> Host:
    """Return this host's CPUs, memory and GPUs, within the limits of its container if there is one.

    Raises UserError if nvidia-smi is installed but does not work.
    """
    try:
        addresses = visible_gpus()
        gpu = _weakest_gpu() if addresses else None
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(
            f"nvidia-smi does not work on this host ({error}); repair the driver, or hide the GPUs "
            "with CUDA_VISIBLE_DEVICES="
        ) from error
    return Host(
        cpus=_cpus(),
        memory=_memory(),
        gpus=len(addresses),
        gpu=gpu,
        bfloat16=has_bfloat16_products(),
    )


def _cpus() -> int:
    """Return the number of CPUs that this process may use; a cgroup's quota is rounded up."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpus = affinity or 1
    with suppress(OSError, ValueError):  # there are no cgroups, or the quota is `max`: no limit
        quota, period = (CGROUP / "cpu.max").read_text().split()
        cpus = min(cpus, ceil(int(quota) / int(period)))
    return cpus


def _memory() -> int:
    """Return the bytes of memory that this process may use.

    Without a limit, cgroups version 1 state a huge number, which the minimum discards.
    """
    memory: int = psutil.virtual_memory().total
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            memory = min(memory, int((CGROUP / name).read_text()))
    return memory


def _weakest_gpu() -> Gpu | None:
    """Return the weakest GPU; None without nvidia-smi, for example where GPUs are pretended."""
    if not shutil.which("nvidia-smi"):
        return None
    rows = (line.split(", ", 2) for line in ask_driver(GPU_FIGURES))
    gpus = [Gpu(name, int(mib) * 2**20, float(capability)) for capability, mib, name in rows]
    return min(gpus, key=lambda gpu: (gpu.capability, gpu.memory), default=None)
