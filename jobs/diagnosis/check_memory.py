"""Memory: do Spark's heap and the Python workers beside it fit?"""

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
from semscore.jobs.spark.session import local_heap
from semscore.udfs.gpus.device import is_local

NAME = "memory"
SHOWN = "hosts", "executors", "workers per executor", "heap per executor", "overhead per executor"
POWERS = "kmgtp"
# What Spark adds to an executor's heap where nobody says.
OVERHEAD_SHARE, OVERHEAD_LEAST = 0.1, 384 * 2**20


def check_memory(settings: Settings, conf: Mapping[str, str]) -> Iterator[Finding]:
    """Of this host for a local master; of an executor for a cluster's.

    Raises UserError for a type of host that is not known, or too small.
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
    """A size as Java writes it: 8g, 512m; a bare number is MiB. ValueError: it is none."""
    size = re.fullmatch(r"(\d+)([kmgtp]?)b?", text.strip().lower())
    if size is None:
        raise ValueError(f"{text!r} is no size such as 8g")
    return int(int(size[1]) * 1024 ** (POWERS.index(size[2] or "m") + 1))


def _on_this_host(
    host: Host, master: str, task_cpus: int, conf: Mapping[str, str], settings: Settings
) -> Finding:
    slots = re.match(r"local\[(\d+)", master)
    tasks = int(slots[1]) if slots else host.cpus if "*" in master else 1
    workers = max(tasks // task_cpus, 1)
    on_gpus = host.gpus > 0 and settings.engine.device != "cpu"
    each = round((GPU_WORKER if on_gpus else CPU_WORKER) * GIB)
    given = conf.get("spark.driver.memory")
    heap = memory_bytes(given) if given else local_heap()
    found = f"{gib(heap)} of heap and {workers} x {gib(each)} for workers, of {gib(host.memory)}"
    if heap + workers * each <= host.memory:
        return Finding(NAME, "ok", found)
    fits = (host.memory - heap) // each
    if fits < 1:
        fix = f"--conf spark.driver.memory={max((host.memory - each) // GIB, 1)}g"
        return Finding(NAME, "fail", f"{found}: not one worker fits", fix)
    fix = f"--master 'local[{fits * task_cpus}]', or a smaller spark.driver.memory"
    return Finding(NAME, "warn", f"{found}: the system may end some", fix)


def _in_an_executor(conf: Mapping[str, str]) -> Finding:
    """YARN and Kubernetes end what takes more than heap and overhead."""
    heap = memory_bytes(conf.get("spark.executor.memory", "1g"))
    share = float(conf.get("spark.executor.memoryOverheadFactor", OVERHEAD_SHARE))
    given = conf.get("spark.executor.memoryOverhead")
    overhead = memory_bytes(given) if given else max(round(heap * share), OVERHEAD_LEAST)
    workers = max(int(conf.get(CORES, "1")) // int(conf.get(TASK_CPUS, "1")), 1)
    need = round(workers * (GPU_WORKER if EXECUTOR in conf else CPU_WORKER) * GIB)
    found = f"{gib(overhead)} of overhead beside {gib(heap)} of heap, for Python workers"
    if overhead >= need:
        return Finding(NAME, "ok", found)
    return Finding(
        NAME,
        "warn",
        f"{found} that take {gib(need)}: executors are ended when these grow",
        f"--conf spark.executor.memoryOverhead={-(-need // GIB)}g, or let --instance-type size it",
    )
