"""Sizing of executors: how the cores, memory and GPUs of hosts are divided. Pure.

All hosts have the same configuration and any of them may run the driver, so each leaves room for
it. Memory is in whole GiB because YARN rounds containers up: to 1 GiB, unless its nodes are
configured otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from semscore.jobs.failures.wording import counted
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

# The process that proves the model before a run has no share of its own. It uses the memory that
# the workers will take, and ends before any of them loads a model. If too little memory is free, it
# loads no weights.

# Left free for the driver. YARN counts this core for its application master, which is either the
# driver itself, or idles beside a driver that YARN does not count.
CORES_LEFT = 1
# The host's memory divided by this, within these bounds.
DRIVER_HEAP_SHARE, DRIVER_HEAP = 16, (2 * GIB, 8 * GIB)
# Least and most cores of an executor without GPUs. More cores share the garbage collection of one
# heap, which gains nothing; fewer cores mean more JVMs and more copies of what Python's daemon has
# imported.
CPU_CORES = 5, 8
CPU_WORKER = 1.25  # GiB of a Python worker in OpenVINO with one thread; the most measured is 1.0
GPU_WORKER = 3.0  # GiB of a Python worker with torch, CUDA's context and pinned batches
# The executor's memory divided by this, at most; above 32 GiB, Java's pointers double in size.
HEAP_SHARE, HEAP_MAX = 3, 30 * GIB
# Rows per second of one GPU (distiluse in float32 on a V100), and of one CPU core (an estimate for
# the same model). Figures measured by a plan are better.
GPU_ROWS, CPU_ROWS = 2000.0, 25.0


def gpu_task_rows(share: float) -> int:
    """Return the rows of a task of about TASK_SECONDS on a share of a GPU; `share` is at most 1."""
    return max(round(GPU_ROWS * TASK_SECONDS * share), TASK_ROWS)


class Split(NamedTuple):
    """How one host is divided among its executors."""

    executors: int
    slots: int  # Python workers of each executor
    task_cpus: int


def size(
    host: Host,
    count: int = 1,
    workers_per_gpu: int = 1,
    manager: Manager = "yarn",
    rows_per_second: float | None = None,
) -> Executors:
    """Size the executors on `count` hosts of one type.

    `rows_per_second`: the speed of one GPU, or of one CPU core on hosts without GPUs. Raises
    UserError if the hosts are too small.
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
    """Give each GPU an executor whose cores `workers` share; `memory` is for all executors."""
    cores = (host.cpus - CORES_LEFT) // host.gpus
    fits = _most(cores, lambda k: HEAP_MIN + _worker_memory(host, k) <= memory // host.gpus)
    if fits < workers:
        raise UserError(
            f"{host.name} has {counted(host.cpus, 'CPU')}, {gib(host.memory)} of memory and "
            f"{counted(host.gpus, 'GPU')}: that leaves {counted(max(cores, 0), 'core')} and "
            f"{gib(max(memory // host.gpus, 0))} per GPU, but {counted(workers, 'worker')} per GPU "
            f"would need {counted(workers, 'core')} and "
            f"{gib(HEAP_MIN + _worker_memory(host, workers))}; "
            + (f"use --workers-per-gpu {fits}" if fits else "use larger hosts")
        )
    return Split(host.gpus, workers, cores // workers)


def _split_cores(host: Host, memory: int) -> Split:
    """Give each core a worker: executors of one size that use as many cores as possible.

    Of equally good sizes, the largest is taken, which makes the fewest executors.
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
            f"{host.name} has {counted(host.cpus, 'CPU')} and {gib(host.memory)} of memory, of "
            f"which {max(usable, 0)} and {gib(max(memory, 0))} are for executors, but the smallest "
            f"executor needs {counted(sizes.start, 'CPU')} and {gib(least)}. Use larger hosts"
        )
    return Split(fitting(cores), cores, 1)


def _worker_memory(host: Host, workers: int) -> int:
    """Return the bytes that this number of Python workers takes, rounded up to whole GiB."""
    return ceil(workers * (GPU_WORKER if host.gpus else CPU_WORKER)) * GIB


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to `limit` that fits; 0 if none does."""
    return max(filter(fits, range(1, limit + 1)), default=0)


def _whole(value: int, least: int, most: int) -> int:
    """Round bytes down to whole GiB, within bounds."""
    return min(max(value // GIB * GIB, least), most)
