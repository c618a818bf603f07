"""The executors of a run: their Spark settings, and the reasons for each figure. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semscore.jobs.failures.wording import counted
from semscore.jobs.hosts.instances import GIB, Host
from semscore.jobs.hosts.scheduling import task_gpu_amount

Manager = Literal["standalone", "yarn", "kubernetes", "sagemaker"]
ON_YARN = ("yarn", "sagemaker")

SYSTEM, SYSTEM_PARTS = 3 * GIB // 2, 16  # 1.5 GiB and a sixteenth: see system_share
YARN_MASTER = 1 * GIB  # bytes of YARN's application master
YARN_MASTER_HEAP = 640  # MiB; the rest of its GiB is Spark's smallest overhead, 384 MiB
HEAP_MIN = 1 * GIB  # bytes of an executor's heap
TASK_SECONDS = 45  # of a task: long compared with its start, short enough to repeat if it is lost
TASK_ROWS = 25_000  # of a task on a CPU core: repeating a lost task costs about a minute


@dataclass(frozen=True, kw_only=True)
class Executors:
    """Executors of one size on hosts of one type. Memory is in bytes, always whole GiB."""

    host: Host
    hosts: int
    manager: Manager
    per_host: int
    slots_each: int  # tasks that one executor runs at once: workers per GPU, or its cores
    task_cpus: int
    heap: int
    container: int  # the heap, and outside it the Python workers with torch, CUDA or OpenVINO
    driver_heap: int
    task_rows_per_second: float

    @property
    def count(self) -> int:
        """The number of executors on all hosts together."""
        return self.hosts * self.per_host

    @property
    def cores(self) -> int:
        """The cores of one executor."""
        return self.slots_each * self.task_cpus

    @property
    def slots(self) -> int:
        """The number of tasks that run at once on all hosts together."""
        return self.count * self.slots_each

    @property
    def overhead(self) -> int:
        """The bytes of one executor outside its heap."""
        return self.container - self.heap

    @property
    def taken(self) -> int:
        """The bytes that the executors of one host take."""
        return self.per_host * self.container

    @property
    def task_rows(self) -> int:
        """The rows of a task that takes about TASK_SECONDS."""
        return max(round(self.task_rows_per_second * TASK_SECONDS), 1)

    def spark_conf(self) -> dict[str, str]:
        """Return the Spark settings."""
        conf = {
            "spark.executor.cores": str(self.cores),
            "spark.executor.memory": f"{self.heap // GIB}g",
            "spark.task.cpus": str(self.task_cpus),
            "spark.driver.cores": "1",
            "spark.driver.memory": f"{self.driver_heap // GIB}g",
            # Without it, Spark takes the cores that have registered when the first job starts.
            "spark.default.parallelism": str(self.count * self.cores),
            "spark.dynamicAllocation.enabled": "false",
        }
        if self.host.gpus:
            conf["spark.executor.resource.gpu.amount"] = "1"
            conf["spark.task.resource.gpu.amount"] = task_gpu_amount(self.slots_each)
        if self.count == 1:  # a task that is excluded from the only executor would end the run
            conf["spark.excludeOnFailure.enabled"] = "false"
        if self.manager == "standalone":  # it counts heaps only, and starts the executors that fit
            conf["spark.cores.max"] = str(self.count * self.cores)
            return conf
        conf["spark.executor.instances"] = str(self.count)
        conf["spark.executor.memoryOverhead"] = f"{self.overhead // GIB}g"
        conf["spark.driver.memoryOverhead"] = f"{driver_overhead(self.driver_heap) // GIB}g"
        if self.manager == "kubernetes":  # the kubelet reserves part of the core that is left free
            conf["spark.kubernetes.driver.request.cores"] = "500m"
        else:
            conf["spark.yarn.am.cores"] = "1"
            conf["spark.yarn.am.memory"] = f"{YARN_MASTER_HEAP}m"
            conf["spark.yarn.am.memoryOverhead"] = f"{YARN_MASTER // 2**20 - YARN_MASTER_HEAP}m"
        return conf

    def explain(self) -> list[tuple[str, str, str]]:
        """Return rows of (what, how much, why) for users."""
        host, on_gpus = self.host, self.host.gpus > 0
        has = f"{host.cpus} CPUs, {gib(host.memory)}"
        if on_gpus:
            has += f", {counted(host.gpus, 'GPU')}"
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
            outside += "; Spark does not account for this memory here, so it is left free"
        workers = str(self.slots_each)
        tokenizing = "for the tokenizer" if on_gpus else "one thread each"
        return [
            ("hosts", f"{self.hosts} x {host.name}", has),
            ("left free per host", f"{free_cores} cores, {gib(host.memory - self.taken)}", left),
            ("executors", str(self.count), "one per GPU" if on_gpus else "all of the same size"),
            ("cores per executor", str(self.cores), f"executors per host: {self.per_host}"),
            ("workers per executor", workers, "share a GPU" if on_gpus else "one per core"),
            ("cores per task", str(self.task_cpus), tokenizing),
            *([("GPU per task", task_gpu_amount(self.slots_each), "1 / workers")] * on_gpus),
            ("heap per executor", gib(self.heap), "row groups, Arrow batches"),
            ("overhead per executor", gib(self.overhead), outside),
            ("driver", gib(driver_share(self.driver_heap)), f"heap {gib(self.driver_heap)}"),
            ("tasks at once", str(self.slots), "executors x workers"),
            ("rows per task", f"{self.task_rows:,}", f"about {TASK_SECONDS} s"),
        ]


def system_share(host: Host) -> int:
    """Return the bytes of a host that its system and the cluster manager's own processes need.

    The sixteenth allows for systems that see less memory than their instance type is listed with.
    """
    return SYSTEM + host.memory // SYSTEM_PARTS


def driver_overhead(heap: int) -> int:
    """Return the bytes of the driver outside its heap: its Python, and Java's own memory."""
    return max(heap // 4, GIB)


def driver_share(heap: int) -> int:
    """Return the bytes of the driver: its heap and the memory outside it."""
    return heap + driver_overhead(heap)


def master_share(manager: Manager) -> int:
    """Return the bytes of YARN's application master, which runs beside the driver in client mode.

    0 for the other managers.
    """
    return YARN_MASTER if manager in ON_YARN else 0


def gib(size: int) -> str:
    """Format a number of bytes for users: 1.5 GiB."""
    return f"{size / GIB:.1f} GiB".replace(".0 ", " ")
