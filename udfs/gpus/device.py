"""The device of a task: the one that Spark's scheduler assigned, never a guess.

Local masters schedule no GPUs. There, workers share the visible GPUs by leases.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark import TaskContext

from semscore.udfs.errors import DeviceFailed
from semscore.udfs.gpus import leases
from semscore.udfs.gpus.cpu import cpu_name
from semscore.udfs.gpus.discovery import narrowed, pretended, visible_gpus
from semscore.udfs.recipe import Engine

KIND = "gpu"  # as in spark.task.resource.gpu.amount


@dataclass(frozen=True)
class TaskDevice:
    """The device on which a task computes."""

    torch: str  # as torch names it: cpu, mps, cuda:1
    address: str | None = None  # of a GPU, as Spark and nvidia-smi name it

    @property
    def label(self) -> str:
        """Return the name for meters and messages: cpu, mps, gpu:3."""
        return self.torch if self.address is None else f"{KIND}:{self.address}"


CPU = TaskDevice("cpu")


def task_device(engine: Engine, context: TaskContext | None) -> TaskDevice:
    """Return the device of the current task.

    Raises DeviceFailed if a GPU is required and there is none, or if the GPU is set aside.
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
            f"Engine.device gpu, but Spark assigned no GPU to this task on {socket.gethostname()}; "
            f"set spark.task.resource.{KIND}.amount and spark.executor.resource.{KIND}.amount, "
            "or use Engine.device cpu"
        )
    aside = leases.quarantined(address)
    if aside:
        raise DeviceFailed(
            f"GPU {address} of {socket.gethostname()} is set aside: {aside}. To use it again, "
            f"remove {leases.quarantine_file(address)}"
        )
    return TaskDevice(torch_name(address), address)


def torch_name(address: str) -> str:
    """Return torch's name for a GPU: its number among the devices in CUDA_VISIBLE_DEVICES.

    Raises DeviceFailed for an address that is not among them.
    """
    if pretended():
        return "cpu"
    visible = narrowed()
    if visible is None:
        if address.isdigit():
            return f"cuda:{address}"
        problem = (
            f"{address!r}, a name that only CUDA_VISIBLE_DEVICES maps to a number, and that is not "
            "set"
        )
    elif address in visible:
        return f"cuda:{visible.index(address)}"
    elif len(visible) == 1:  # this process has already been restricted to one GPU
        return "cuda:0"
    elif address.isdigit() and int(address) < len(visible):
        return f"cuda:{address}"
    else:
        problem = f"{address!r}, but CUDA_VISIBLE_DEVICES has {','.join(visible) or 'no devices'}"
    raise DeviceFailed(
        f"Spark assigned to this task on {socket.gethostname()} GPU {problem}; the discovery "
        "script and the executor must see the same devices"
    )


def for_workers(engine: Engine, master: str) -> Engine:
    """Return the engine as the workers of a Spark master need it.

    Local masters schedule no GPUs, so workers lease them. Workers have other working folders, so
    the path of the vector store becomes absolute.
    """
    store = engine.vector_store
    if store and "://" not in store:
        store = str(Path(store).expanduser().absolute())
    return replace(engine, lease_gpus=is_local(master), vector_store=store)


def local_device(engine: Engine) -> str:
    """Return torch's name of the device that workers on this machine compute on."""
    on_gpus = engine.device != "cpu" and visible_gpus() and not pretended()
    return "cuda" if on_gpus else "cpu"


def is_local(master: str) -> bool:
    """Return whether driver and workers share one machine, where Spark schedules no resources."""
    return master.startswith("local") and not master.startswith("local-cluster")


def task_cpus(context: TaskContext | None) -> int:
    """Return the number of cores of this task (spark.task.cpus), or 1 outside a task."""
    return context.cpus() if context else 1


def hardware_name(device: TaskDevice, cpus: int) -> str:
    """Return the hardware of a task for display: the GPU model, or the CPU model and its threads.

    Only Linux reports the CPU model. Elsewhere the CPU's architecture is given.
    """
    if device.torch.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device.torch))
    name = cpu_name()
    return f"{name}, {cpus} thread{'s' if cpus > 1 else ''}" if device.torch == "cpu" else name


def has_mps() -> bool:
    """Return whether this is an Apple machine whose GPU torch can use."""
    if sys.platform != "darwin" or platform.machine() != "arm64":
        return False
    import torch

    return torch.backends.mps.is_available()
