"""Check that Spark's heap and the Python workers fit into memory together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.executors import gib
from semscore.jobs.hosts.instances import GIB, Host
from semscore.jobs.hosts.resources import resources_for
from semscore.jobs.hosts.scheduling import CORES, EXECUTOR, TASK_CPUS
from semscore.jobs.hosts.sizing import CPU_WORKER, GPU_WORKER
from semscore.jobs.hosts.this_host import this_host
from semscore.jobs.options.settings import Settings
from semscore.jobs.spark.local_conf import local_heap
from semscore.udfs.gpus.device import is_local

NAME = "memory"
SHOWN = "hosts", "executors", "workers per executor", "heap per executor", "overhead per executor"
POWERS = "kmgtp"
# Spark's default memory overhead of an executor.
OVERHEAD_SHARE, OVERHEAD_LEAST = 0.1, 384 * 2**20


def check_memory(settings: Settings, conf: Mapping[str, str]) -> Iterator[Finding]:
    """Check the memory of this host for a local master, and of an executor for a cluster.

    Raises UserError if the instance type is unknown or too small.
    """
    master = conf["spark.master"]
    if is_local(master):
        planned = resources_for(master, settings.spark, settings.engine, settings.recipe.precision)
        task_cpus = conf.get(TASK_CPUS) or planned.conf.get(TASK_CPUS, "1")
        yield _on_this_host(this_host(), planned.master, int(task_cpus), conf, settings)
    elif settings.spark.instance_type:
        reasons = resources_for(
            master, settings.spark, settings.engine, settings.recipe.precision
        ).reasons
        shown = (f"{what} {much}" for what, much, _ in reasons if what in SHOWN)
        yield Finding(NAME, "ok", ", ".join(shown))
    elif not master.startswith("spark"):  # a standalone cluster counts heaps only
        yield _in_an_executor(conf)


def memory_bytes(text: str) -> int:
    """Return the bytes of a size as Java writes it: 8g, 512m. A number without a unit is in MiB.

    Raises ValueError if the text is not a size.
    """
    size = re.fullmatch(r"(\d+)([kmgtp]?)b?", text.strip().lower())
    if size is None:
        raise ValueError(f"{text!r} is not a size such as 8g")
    return int(int(size[1]) * 1024 ** (POWERS.index(size[2] or "m") + 1))


def _on_this_host(
    host: Host, master: str, task_cpus: int, conf: Mapping[str, str], settings: Settings
) -> Finding:
    """Report whether the heap and all workers of a local run fit into this host's memory."""
    slots = re.match(r"local\[(\d+)", master)
    tasks = int(slots[1]) if slots else host.cpus if "*" in master else 1
    workers = max(tasks // task_cpus, 1)
    on_gpus = host.gpus > 0 and settings.engine.device != "cpu"
    per_worker = round((GPU_WORKER if on_gpus else CPU_WORKER) * GIB)
    setting = conf.get("spark.driver.memory")
    heap = memory_bytes(setting) if setting else local_heap()
    found = (
        f"{gib(heap)} for the heap and {workers} x {gib(per_worker)} for workers, of "
        f"{gib(host.memory)}"
    )
    if heap + workers * per_worker <= host.memory:
        return Finding(NAME, "ok", found)
    fits = (host.memory - heap) // per_worker
    if fits < 1:
        fix = f"--conf spark.driver.memory={max((host.memory - per_worker) // GIB, 1)}g"
        return Finding(NAME, "fail", f"{found}: no worker fits", fix)
    fix = f"--master 'local[{fits * task_cpus}]', or a smaller spark.driver.memory"
    return Finding(NAME, "warn", f"{found}: the system may kill workers", fix)


def _in_an_executor(conf: Mapping[str, str]) -> Finding:
    """Report whether workers fit into the memory overhead of an executor.

    YARN and Kubernetes kill executors that take more than their heap and overhead.
    """
    heap = memory_bytes(conf.get("spark.executor.memory", "1g"))
    share = float(conf.get("spark.executor.memoryOverheadFactor", OVERHEAD_SHARE))
    setting = conf.get("spark.executor.memoryOverhead")
    overhead = memory_bytes(setting) if setting else max(round(heap * share), OVERHEAD_LEAST)
    workers = max(int(conf.get(CORES, "1")) // int(conf.get(TASK_CPUS, "1")), 1)
    need = round(workers * (GPU_WORKER if EXECUTOR in conf else CPU_WORKER) * GIB)
    found = (
        f"an executor has a heap of {gib(heap)} and an overhead of {gib(overhead)} for Python "
        "workers"
    )
    if overhead >= need:
        return Finding(NAME, "ok", found)
    return Finding(
        NAME,
        "warn",
        f"{found}, which may need {gib(need)}: executors that exceed their memory are killed",
        f"--conf spark.executor.memoryOverhead={-(-need // GIB)}g, or let --instance-type size it",
    )
