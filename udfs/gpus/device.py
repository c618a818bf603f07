"""The device of a task: what Spark's scheduler gave it, never a guess.

Local masters schedule no GPUs: there, workers share the visible ones by leases.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark import TaskContext

from semscore.udfs.errors import DeviceFailed
from semscore.udfs.gpus import leases
from semscore.udfs.gpus.discovery import narrowed, pretended, visible_gpus
from semscore.udfs.recipe import Engine

KIND = "gpu"  # as in spark.task.resource.gpu.amount


@dataclass(frozen=True)
class TaskDevice:
    """Where a task computes."""

    torch: str  # as torch names it: cpu, mps, cuda:1
    address: str | None = None  # of a GPU, as Spark and nvidia-smi name it

    @property
    def label(self) -> str:
        """For meters and messages: cpu, mps, gpu:3."""
        return self.torch if self.address is None else f"{KIND}:{self.address}"


CPU = TaskDevice("cpu")


def task_device(engine: Engine, context: TaskContext | None) -> TaskDevice:
    """The device of the task that asks.

    Raises DeviceFailed if a GPU is asked for and there is none, or if it is set aside.
    """
    if engine.device == "cpu":
        return CPU
    scheduled = context.resources().get(KIND) if context else None
    if scheduled:
        address = scheduled.addresses[0]
    elif engine.lease_gpus and (gpus := visible_gpus()):
        address = leases.share(gpus, os.getpid())
    elif engine.lease_gpus and has_mps():
        return TaskDevice("mps")
    elif engine.device == "auto":
        return CPU
    else:
        raise DeviceFailed(
            f"--device gpu, but Spark gave this task on {socket.gethostname()} no GPU: "
            f"spark.task.resource.{KIND}.amount and spark.executor.resource.{KIND}.amount must be "
            "set, or --device cpu"
        )
    aside = leases.quarantined(address)
    if aside:
        raise DeviceFailed(
            f"GPU {address} of {socket.gethostname()} is set aside: {aside}. To use it again, "
            f"remove {leases.quarantine_file(address)}"
        )
    return TaskDevice(torch_name(address), address)


def torch_name(address: str) -> str:
    """Torch counts the devices that CUDA_VISIBLE_DEVICES leaves, in its order.

    Raises DeviceFailed for an address that is not among them.
    """
    if pretended():
        return "cpu"
    left = narrowed()
    if left is None:
        if address.isdigit():
            return f"cuda:{address}"
        found = (
            f"{address!r}, and only CUDA_VISIBLE_DEVICES, which is not set, gives names a number"
        )
    elif address in left:
        return f"cuda:{left.index(address)}"
    elif len(left) == 1:  # somebody else has pinned this process
        return "cuda:0"
    elif address.isdigit() and int(address) < len(left):
        return f"cuda:{address}"
    else:
        found = f"{address!r}, but CUDA_VISIBLE_DEVICES leaves {','.join(left) or 'none'}"
    raise DeviceFailed(
        f"Spark gave this task on {socket.gethostname()} GPU {found}; let the discovery script and "
        "the executor see the same devices"
    )


def for_master(engine: Engine, master: str) -> Engine:
    """The engine for a Spark master: a local one schedules no GPUs."""
    return replace(engine, lease_gpus=is_local(master))


def is_local(master: str) -> bool:
    """Whether driver and workers share one machine, and Spark schedules no resources."""
    return master.startswith("local") and not master.startswith("local-cluster")


def task_cpus(context: TaskContext | None) -> int:
    """Cores that Spark counts for this task (spark.task.cpus); 1 outside of a task."""
    return context.cpus() if context else 1


def hardware_name(device: TaskDevice, cpus: int) -> str:
    """What a task computes on, for people: a model of GPU, or of CPU and how many of its threads.

    Linux alone says what CPU it runs on.
    """
    if device.torch.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device.torch))
    name = platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.split(": ", 1)[1] for line in lines if line[:10] == "model name"), name)
    return f"{name}, {cpus} thread{'s' if cpus > 1 else ''}" if device.torch == "cpu" else name


def has_mps() -> bool:
    """Whether this is an Apple machine whose GPU torch can use."""
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return False
    import torch

    return torch.backends.mps.is_available()
