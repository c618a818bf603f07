"""Hosts to executors: cores, memory and GPUs that fit, whatever the cluster manager. Pure.

All hosts have one configuration and any of them may get the driver, so each leaves room for it.
Memory is in whole GiB, since YARN rounds containers up: to 1 GiB, unless its nodes say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from semscore.jobs.hosts.executors import (
    HEAP_MIN,
    TASK_ROWS,
    TASK_SECONDS,
    Executors,
    Manager,
    driver_share,
    gib,
    master_share,
    system_share,
)
from semscore.jobs.hosts.instances import GIB, Host
from semscore.udfs.errors import UserError

# The process that proves the model before a run has no share of its own: it ends before any worker
# loads a model, in the memory that they will take. Where too little is free, it loads no weights.

# For the driver. YARN counts this core for its application master, which idles beside a driver
# that YARN does not count, or is the driver itself.
CORES_LEFT = 1
DRIVER_HEAP_SHARE, DRIVER_HEAP = 16, (2 * GIB, 8 * GIB)  # part of the host; least and most
# Cores of an executor without GPUs: more share one heap's garbage collection without gain, fewer
# pay for more JVMs, and for more copies of what Python's daemon has imported.
CPU_CORES = 5, 8
CPU_WORKER = 1.25  # GiB of a Python worker in OpenVINO, one thread; 1.0 is the most that was seen
GPU_WORKER = 3.0  # GiB of a Python worker with torch, CUDA's context and pinned batches
HEAP_SHARE, HEAP_MAX = 3, 30 * GIB  # part of the executor; beyond 32 GiB, Java's pointers double
# Rows a second of one GPU (distiluse in float32 on a V100) and of one CPU core (an estimate for the
# same model); what a plan has measured is better.
GPU_ROWS, CPU_ROWS = 2000.0, 25.0


def gpu_task_rows(share: float) -> int:
    """Rows of a task on a share of a GPU, up to 1, that takes about as long as it should."""
    return max(round(GPU_ROWS * TASK_SECONDS * share), TASK_ROWS)


class Split(NamedTuple):
    """How the executors of one host share it."""

    executors: int
    slots: int  # Python workers of each
    task_cpus: int


def size(
    host: Host,
    count: int = 1,
    workers_per_gpu: int = 1,
    manager: Manager = "yarn",
    rows_per_second: float | None = None,
) -> Executors:
    """How to use `count` hosts of one kind; `rows_per_second` is of a GPU, or of a CPU core.

    Raises UserError if they are too small.
    """
    if count < 1 or workers_per_gpu < 1:
        raise UserError(
            f"hosts and workers per GPU must be at least 1, got {count} and {workers_per_gpu}"
        )
    driver_heap = _whole(host.memory // DRIVER_HEAP_SHARE, *DRIVER_HEAP)
    left_free = system_share(host) + driver_share(driver_heap) + master_share(manager)
    memory = host.memory - left_free
    split = _split_gpus(host, workers_per_gpu, memory) if host.gpus else _split_cores(host, memory)
    container = memory // split.executors // GIB * GIB
    workers = _worker_memory(host, split.slots)
    return Executors(
        host=host,
        hosts=count,
        manager=manager,
        per_host=split.executors,
        slots_each=split.slots,
        task_cpus=split.task_cpus,
        heap=min(_whole(container // HEAP_SHARE, HEAP_MIN, HEAP_MAX), container - workers),
        container=container,
        driver_heap=driver_heap,
        task_rows_per_second=(rows_per_second or GPU_ROWS) / split.slots
        if host.gpus
        else rows_per_second or CPU_ROWS,
    )


def _split_gpus(host: Host, workers: int, memory: int) -> Split:
    """An executor for each GPU, its cores shared by `workers`; `memory` is for all executors."""
    cores = (host.cpus - CORES_LEFT) // host.gpus
    fits = _most(cores, lambda k: HEAP_MIN + _worker_memory(host, k) <= memory // host.gpus)
    if fits < workers:
        raise UserError(
            f"{host.name} has {host.cpus} CPUs and {gib(host.memory)} of memory: for each of its "
            f"{host.gpus} GPUs that is {max(cores, 0)} cores and "
            f"{gib(max(memory // host.gpus, 0))}, and {workers} workers need {workers} cores and "
            f"{gib(HEAP_MIN + _worker_memory(host, workers))}; "
            + (f"take --workers-per-gpu {fits}" if fits else "take larger hosts")
        )
    return Split(host.gpus, workers, cores // workers)


def _split_cores(host: Host, memory: int) -> Split:
    """A worker for each core: executors of like size that use the most cores, and the fewest of
    them.
    """
    usable = host.cpus - CORES_LEFT
    low, high = CPU_CORES

    def fitting(cores: int) -> int:
        return min(usable // cores, memory // (HEAP_MIN + _worker_memory(host, cores)))

    sizes = range(low if usable >= low else 1, min(high, usable) + 1)
    cores = max(sizes, key=lambda cores: (fitting(cores) * cores, cores), default=0)
    if not cores or fitting(cores) < 1:
        least = HEAP_MIN + _worker_memory(host, sizes.start)
        raise UserError(
            f"{host.name} has {host.cpus} CPUs and {gib(host.memory)} of memory, of which "
            f"{max(usable, 0)} and {gib(max(memory, 0))} are for executors; the smallest takes "
            f"{sizes.start} and {gib(least)}. Take larger hosts"
        )
    return Split(fitting(cores), cores, 1)


def _worker_memory(host: Host, workers: int) -> int:
    """Bytes of so many Python workers, in whole GiB."""
    return ceil(workers * (GPU_WORKER if host.gpus else CPU_WORKER)) * GIB


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `limit` that fits, 0 if none does."""
    return max(filter(fits, range(1, limit + 1)), default=0)


def _whole(value: int, least: int, most: int) -> int:
    """A whole number of GiB within bounds."""
    return min(max(value // GIB * GIB, least), most)
