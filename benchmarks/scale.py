"""Measure what many hosts cost YARN and the driver: `python -m benchmarks.scale --help`.

First, many NodeManagers on addresses of this machine register with one ResourceManager, with the
settings that `semscore launch` sends, and a job asks for one executor per GPU. In place of
executors, the containers only sleep. Then Spark's driver has more and more executors, without
Python workers. Needs `make build/hadoop/ready`, and some 200 MB for each host and executor.
"""

from __future__ import annotations

import json
import shutil
import time
from typing import Any
from urllib.request import urlopen

import psutil
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.ours import Book, parser
from tests.services import pairs
from tests.services.job import RECIPE
from tests.services.yarn import Yarn, started

PLACE = BUILD.absolute() / "scale"
INSTANCE_TYPE = "ml.g5.48xlarge"
GPUS = 8
DRIVER = """
import json, sys, time
from pyspark.sql import SparkSession
start = time.time()
spark = SparkSession.builder.getOrCreate()
java, context = spark._jvm.java, spark.sparkContext._jsc.sc()
while context.getExecutorMemoryStatus().size() <= int(sys.argv[1]):
    time.sleep(0.1)
found = {"all_registered_s": time.time() - start}
for _ in range(3):
    spark.range(0, 1_000_000, 1, 4 * int(sys.argv[1])).count()
java.lang.System.gc()
beans = java.lang.management.ManagementFactory
found["driver_heap_mb"] = beans.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 2**20
found["driver_threads"] = beans.getThreadMXBean().getThreadCount()
print(json.dumps(found))
"""


def addresses(hosts: int) -> dict[str, str]:
    """Return the loopback address of each host, and the GPUs that it pretends to have.

    The addresses of the GPUs differ, because on one machine all hosts lease from the same folder.
    """
    return {
        f"127.0.3.{number + 1}": ",".join(map(str, range(GPUS * number, GPUS * (number + 1))))
        for number in range(hosts)
    }


def metrics(yarn: Yarn) -> dict[str, Any]:
    """Return what the ResourceManager counts."""
    with urlopen(f"http://{yarn.primary}:8088/ws/v1/cluster/metrics") as answer:
        counted: dict[str, Any] = json.load(answer)
        return counted


def sleepers(hosts: int) -> dict[str, Any]:
    """Return how long many hosts take to register, and to start a sleeping container per GPU."""
    sleep = PLACE / "java/bin/java"
    sleep.parent.mkdir(parents=True)
    sleep.write_text("#!/bin/sh\nexec sleep 1000\n")
    sleep.chmod(0o755)
    pq.write_table(pairs.table(8000), PLACE / "pairs.parquet")
    begun = time.monotonic()
    with started(PLACE / "yarn", INSTANCE_TYPE, addresses(hosts)) as yarn:
        while metrics(yarn)["activeNodes"] < hosts:
            time.sleep(0.5)
        found: dict[str, Any] = {"all_registered_s": time.monotonic() - begun}
        words = (str(PLACE / "pairs.parquet"), str(PLACE / "out"), *RECIPE)
        conf = {"spark.executorEnv.JAVA_HOME": str(sleep.parents[1])}
        begun = time.monotonic()
        job = yarn.start(*words, conf=conf)
        process = job.process
        try:
            first = None
            while (count := metrics(yarn)["containersAllocated"]) <= hosts * GPUS:
                if process.poll() is not None:
                    raise SystemExit(job.finish()[1])
                first = first or (time.monotonic() if count > 1 else None)
                time.sleep(0.2)
            assert first
            found["all_allocated_s"] = time.monotonic() - first
            driver = psutil.Process(process.pid)
            found |= {"driver_threads": driver.num_threads(), "driver_rss_mb": rss_mb(driver)}
            [manager] = [
                each for each in psutil.process_iter() if "ResourceManager" in words_of(each)
            ]
            found["resource_manager_rss_mb"] = rss_mb(manager)
        finally:
            process.kill()
            # In good order, each of them takes ten seconds to end.
            for each in psutil.process_iter():
                if "NodeManager" in words_of(each):
                    each.kill()
    return found


def words_of(process: psutil.Process) -> str:
    """Return the command line of a process; empty if it has ended."""
    try:
        return " ".join(process.cmdline()[-1:])
    except psutil.Error:
        return ""


def rss_mb(process: psutil.Process) -> float:
    """Return a process's memory."""
    return float(process.memory_info().rss) / 2**20


def executors(yarn: Yarn, count: int) -> dict[str, Any]:
    """Return what a driver needs for some executors that work."""
    script = PLACE / "driver.py"
    script.write_text(DRIVER)
    conf = {
        "spark.executor.instances": str(count),
        "spark.executor.memory": "512m",
        "spark.executor.memoryOverhead": "256m",
        "spark.executor.defaultJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }
    code, said = yarn.start(str(count), conf=conf, script=script).finish()
    if code:
        raise SystemExit(said)
    found: dict[str, Any] = json.loads(next(line for line in said.splitlines() if line[:1] == "{"))
    return found


def main() -> None:
    """Measure hosts whose containers sleep, then executors that work."""
    options = parser(__doc__)
    options.add_argument("--hosts", type=int, default=50)
    options.add_argument("--executors", type=int, nargs="*", default=[4, 16, 40])
    args = options.parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    columns = ["what", "hosts", "executors", "all_registered_s", "all_allocated_s"]
    columns += ["driver_threads", "driver_heap_mb", "driver_rss_mb", "resource_manager_rss_mb"]
    book = Book("scale", columns)
    what = "containers that sleep"
    book.add(what=what, hosts=args.hosts, executors=args.hosts * GPUS, **sleepers(args.hosts))
    hosts = -(-max(args.executors) // GPUS)
    with started(PLACE / "real", INSTANCE_TYPE, addresses(hosts)) as yarn:
        for count in args.executors:
            book.add(
                what="executors that work", hosts=hosts, executors=count, **executors(yarn, count)
            )
    shutil.rmtree(PLACE)


if __name__ == "__main__":
    main()
