"""The executors of a run as Spark is told of them, and why they are so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semscore.jobs.hosts.instances import GIB, Host
from semscore.jobs.hosts.scheduling import task_gpu_amount

Manager = Literal["standalone", "yarn", "kubernetes", "sagemaker"]
ON_YARN = ("yarn", "sagemaker")

SYSTEM, SYSTEM_PARTS = 3 * GIB // 2, 16  # 1.5 GiB and a sixteenth: see system_share
YARN_MASTER = 1 * GIB  # of YARN's application master
YARN_MASTER_HEAP = 640  # MiB; the rest of its GiB is Spark's least overhead, 384
HEAP_MIN = 1 * GIB  # of an executor
TASK_SECONDS = 45  # of a task: long beside its start, and little to lose
TASK_ROWS = 25_000  # on a CPU core: a lost task costs a minute or so


@dataclass(frozen=True, kw_only=True)
class Executors:
    """Executors of one size on hosts of one kind. Memory is in bytes, all of it whole GiB."""

    host: Host
    hosts: int
    manager: Manager
    per_host: int
    slots_each: int  # tasks that an executor runs at once: workers per GPU, or its cores
    task_cpus: int
    heap: int
    container: int  # heap, and beside it Python workers with torch, CUDA or OpenVINO
    driver_heap: int
    task_rows_per_second: float

    @property
    def count(self) -> int:
        """Executors on all hosts together."""
        return self.hosts * self.per_host

    @property
    def cores(self) -> int:
        """Cores of an executor."""
        return self.slots_each * self.task_cpus

    @property
    def slots(self) -> int:
        """Tasks at once, on all hosts together."""
        return self.count * self.slots_each

    @property
    def overhead(self) -> int:
        """Bytes of an executor beside its heap."""
        return self.container - self.heap

    @property
    def taken(self) -> int:
        """Bytes of a host that its executors take."""
        return self.per_host * self.container

    @property
    def task_rows(self) -> int:
        """Rows for a task of about TASK_SECONDS."""
        return max(round(self.task_rows_per_second * TASK_SECONDS), 1)

    def spark_conf(self) -> dict[str, str]:
        """The settings for Spark."""
        conf = {
            "spark.executor.cores": str(self.cores),
            "spark.executor.memory": f"{self.heap // GIB}g",
            "spark.task.cpus": str(self.task_cpus),
            "spark.driver.cores": "1",
            "spark.driver.memory": f"{self.driver_heap // GIB}g",
            # Else it is what has registered when the first job starts.
            "spark.default.parallelism": str(self.count * self.cores),
            "spark.dynamicAllocation.enabled": "false",
        }
        if self.host.gpus:
            conf["spark.executor.resource.gpu.amount"] = "1"
            conf["spark.task.resource.gpu.amount"] = task_gpu_amount(self.slots_each)
        if self.count == 1:  # a task that may not come back to it would end the run
            conf["spark.excludeOnFailure.enabled"] = "false"
        if self.manager == "standalone":  # which counts heaps only, and starts what fits
            conf["spark.cores.max"] = str(self.count * self.cores)
            return conf
        conf["spark.executor.instances"] = str(self.count)
        conf["spark.executor.memoryOverhead"] = f"{self.overhead // GIB}g"
        conf["spark.driver.memoryOverhead"] = f"{driver_overhead(self.driver_heap) // GIB}g"
        if self.manager == "kubernetes":  # kubelet keeps a part of the core that is left
            conf["spark.kubernetes.driver.request.cores"] = "500m"
        else:
            conf["spark.yarn.am.cores"] = "1"
            conf["spark.yarn.am.memory"] = f"{YARN_MASTER_HEAP}m"
            conf["spark.yarn.am.memoryOverhead"] = f"{YARN_MASTER // 2**20 - YARN_MASTER_HEAP}m"
        return conf

    def explain(self) -> list[tuple[str, str, str]]:
        """What, how much, and why, for people."""
        host, on_gpus = self.host, self.host.gpus > 0
        has = f"{host.cpus} CPUs, {gib(host.memory)}"
        if on_gpus:
            has += f", {host.gpus} GPUs"
        if host.gpu:
            has += f" ({host.gpu.name}, {gib(host.gpu.memory)} each)"
        elif host.bfloat16:
            has += "; bfloat16 and int8 are fast on these CPUs"
        free_cores = host.cpus - self.per_host * self.cores
        left = f"system {gib(system_share(host))}, driver {gib(driver_share(self.driver_heap))}"
        if self.manager in ON_YARN:
            left += f", YARN's application master {gib(YARN_MASTER)}"
        outside = "Python workers, torch, CUDA's context" if on_gpus else "Python workers, OpenVINO"
        if self.manager == "standalone":
            outside += "; Spark does not account for it here: it is left free"
        return [
            ("hosts", f"{self.hosts} x {host.name}", has),
            ("left free on each", f"{free_cores} cores, {gib(host.memory - self.taken)}", left),
            ("executors", str(self.count), "one for each GPU" if on_gpus else "of like size"),
            ("cores of each", str(self.cores), f"{self.per_host} on a host"),
            ("workers of each", str(self.slots_each), "share a GPU" if on_gpus else "one per core"),
            ("cores of a task", str(self.task_cpus), "tokenizer" if on_gpus else "one thread each"),
            *([("GPU of a task", task_gpu_amount(self.slots_each), "1 / workers")] * on_gpus),
            ("heap of each", gib(self.heap), "row groups, Arrow batches"),
            ("beside the heap", gib(self.overhead), outside),
            ("driver", gib(driver_share(self.driver_heap)), f"heap {gib(self.driver_heap)}"),
            ("tasks at once", str(self.slots), "executors x workers"),
            ("rows of a task", f"{self.task_rows:,}", f"about {TASK_SECONDS} s"),
        ]


def system_share(host: Host) -> int:
    """Bytes of a host for its system and the cluster manager's own processes.

    A sixteenth of it is there because systems see less memory than the type is said to have.
    """
    return SYSTEM + host.memory // SYSTEM_PARTS


def driver_overhead(heap: int) -> int:
    """Bytes of the driver beside its heap: its Python, and Java's own."""
    return max(heap // 4, GIB)


def driver_share(heap: int) -> int:
    """Bytes of the driver."""
    return heap + driver_overhead(heap)


def master_share(manager: Manager) -> int:
    """Bytes of YARN's application master, which in client mode runs beside the driver."""
    return YARN_MASTER if manager in ON_YARN else 0


def gib(size: int) -> str:
    """Bytes for people: 1.5 GiB."""
    return f"{size / GIB:.1f} GiB".replace(".0 ", " ")
