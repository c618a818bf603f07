"""Start Spark standalone instead of YARN: a master, and a worker with the size of YARN's node."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import configuration

HOME = Path("/usr/lib/spark")
PLACE = Path("/var/log/standin")  # logs and executors' folders
PATIENCE = 60  # seconds until a daemon has started
AM_MIB, AM_CORES = 512 + 384, 1  # YARN's application master, which takes part of the node
# Variables that YARN's containers inherit from the node manager's environment.
INHERITED = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_REGION",
    "HADOOP_COMMON_HOME",
    "HADOOP_CONF_DIR",
    "HADOOP_HDFS_HOME",
    "JAVA_HOME",
    "PATH",
    "SPARK_HOME",
    "YARN_HOME",
)
EXECUTOR_ENV = "spark.executorEnv."


@dataclass(frozen=True, kw_only=True)
class Node:
    """The resources of a worker, and those that a job uses."""

    cores: int
    memory: int  # MiB of heaps
    gpus: int
    cores_max: int  # of all executors together
    discovery_script: str
    environment: Mapping[str, str]


def node() -> Node:
    """Read from the files in force. Without DominantResourceCalculator, YARN ignores vcores."""
    spark = configuration.read_properties(configuration.SPARK_DEFAULTS)
    yarn = configuration.read_xml(configuration.YARN_SITE)
    scheduler = yarn | configuration.read_xml(configuration.HADOOP / "capacity-scheduler.xml")
    heap, cores = mib(spark["spark.executor.memory"]), int(spark["spark.executor.cores"])
    instances = int(spark["spark.executor.instances"])
    overhead = mib(spark.get("spark.executor.memoryOverhead", str(max(384, heap // 10))))
    vcores = int(yarn["yarn.nodemanager.resource.cpu-vcores"])
    calculator = scheduler.get("yarn.scheduler.capacity.resource-calculator", "")
    counted = calculator.endswith(".DominantResourceCalculator")
    types = re.split(r"\s*,\s*", yarn.get("yarn.resource-types", ""))
    gpus = int(yarn.get("yarn.nodemanager.resource-type.gpu", "0")) if "gpu" in types else 0
    script = spark.get("spark.executor.resource.gpu.discoveryScript", "")
    return Node(
        cores=max(vcores - AM_CORES, 1) if counted else max(vcores, instances * cores),
        # A worker counts only heaps, so the memory outside them is subtracted.
        memory=int(yarn["yarn.nodemanager.resource.memory-mb"]) - AM_MIB - instances * overhead,
        gpus=gpus if script else 0,
        cores_max=instances * cores,
        discovery_script=script,
        environment={
            key.removeprefix(EXECUTOR_ENV): value
            for key, value in spark.items()
            if key.startswith(EXECUTOR_ENV)
        },
    )


def mib(size: str) -> int:
    """Parse a size in Spark's form: 3g, 512m, 512."""
    found = re.fullmatch(r"(\d+)([mgt]?)b?", size.strip().lower())
    if not found:
        raise ValueError(f"expected a size like 512m or 3g, got {size!r}")
    return int(found[1]) * {"": 1, "m": 1, "g": 1024, "t": 1024**2}[found[2]]


@contextlib.contextmanager
def cluster(size: Node) -> Iterator[str]:
    """Yield the master's URL. Both processes end with the block, or with this process."""
    if size.memory < 1:
        raise ValueError(f"YARN's node has no memory for the executors' heaps: {size.memory} MiB")
    PLACE.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    inherited |= {"HOME": "/home/", "LOGNAME": "root", "USER": "root"}  # YARN's, even for root
    scala = re.search(r"-(\d+\.\d+)", next(HOME.glob("jars/scala-library-*.jar")).name)
    inherited["SPARK_SCALA_VERSION"] = scala[1] if scala else ""  # a worker needs it
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        name: str, environment: Mapping[str, str], conf: Mapping[str, str], *rest: str
    ) -> str:
        settings = PLACE / f"{name}.conf"
        settings.write_text("".join(f"{key} {value}\n" for key, value in conf.items()))
        command = [
            *("java", "-Xmx512m", "-cp", f"{HOME}/jars/*"),
            f"org.apache.spark.deploy.{name.lower()}.{name}",
            *("--host", configuration.ADDRESS, "--port", "0", "--webui-port", "0"),
            *("--properties-file", str(settings), *rest),
        ]
        log = PLACE / f"{name}.log"
        with log.open("wb") as file:
            processes.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    preexec_fn=end_with_parent,
                )
            )
        return wait_for(processes[-1], log)

    try:
        url = start("Master", inherited, {})
        gpus = {}
        if size.gpus:
            gpus = {
                "spark.worker.resource.gpu.amount": str(size.gpus),
                "spark.worker.resource.gpu.discoveryScript": size.discovery_script,
            }
        environment = {
            **inherited,
            **size.environment,
            # The worker asks for all GPUs. On YARN, each executor asks for its own.
            "SEMSCORE_FAKE_GPUS": ",".join(map(str, range(size.gpus))),
            "SEMSCORE_GPUS_PER_EXECUTOR": str(max(size.gpus, 1)),
        }
        options = ("--cores", str(size.cores), "--memory", f"{size.memory}m")
        start("Worker", environment, gpus, *options, "--work-dir", str(PLACE / "work"), url)
        yield url
    finally:
        for process in reversed(processes):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        for log in sorted(
            PLACE.glob("work/*/*/stderr")
        ):  # the real one copies them while they grow
            name = log.relative_to(PLACE / "work")
            sys.stderr.writelines(f"[{name}] {line}\n" for line in log.read_text().splitlines())


def end_with_parent() -> None:
    """Linux sends SIGTERM when the process that started this one has ended."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def wait_for(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address from the log, once the master, or a worker with its master, is ready."""
    end = time.monotonic() + PATIENCE
    while True:
        found = re.search(
            r"(?:Starting Spark|registered with) master (?:at )?(\S+)", log.read_text()
        )
        if found:
            return found[1]
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"see {log}: {log.read_text()[-700:]}")
        time.sleep(0.1)
