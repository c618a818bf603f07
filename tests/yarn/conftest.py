"""YARN of Hadoop 3.4.1 on this machine, with the settings that `semscore launch` sends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from getpass import getuser
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.services import hosts as made
from tests.services import loopback, sagemaker
from tests.services.job import RECIPE, Job, submit
from tests.services.seaweedfs import Server, seaweedfs
from tests.services.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
LOOPBACK = ("127.0.0.2", "127.0.0.3")


@dataclass
class Yarn:
    """A ResourceManager and two NodeManagers on loopback addresses."""

    folder: Path

    @property
    def conf(self) -> Path:
        """The settings of Hadoop on the first host, which all clients may use."""
        return self.folder / LOOPBACK[0] / "usr/lib/hadoop/etc/hadoop"

    def submit(self, *words: str, conf: dict[str, str] | None = None) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
        process = self.start(*words, conf=conf)
        try:
            out, log = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return process.returncode, out + log

    def start(self, *words: str, conf: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the job."""
        settings = {
            # What the settings name is in the image only.
            "spark.pyspark.python": sys.executable,
            "spark.pyspark.driver.python": sys.executable,
            "spark.executor.resource.gpu.discoveryScript": str(ROOT / "container/discover_gpus.py"),
            "spark.python.daemon.module": "semscore.udfs.worker.daemon",
            "spark.executorEnv.SEMSCORE_PRELOAD": "",
            "spark.executorEnv.SEMSCORE_LEASE_DIR": str(self.folder / "leases"),
            "spark.yarn.jars": f"local:{made.HADOOP}/spark/jars/*",
            **(conf or {}),
        }
        spark = made.HADOOP / "spark"
        command = [str(spark / "bin/spark-submit"), "--master", "yarn"]
        command += [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
        environment = {
            **os.environ,
            "SPARK_HOME": str(spark),
            "SPARK_CONF_DIR": str(self.folder / LOOPBACK[0] / "usr/lib/spark/conf"),
            "HADOOP_CONF_DIR": str(self.conf),
            "JAVA_HOME": str(made.java_home()),
        }
        return subprocess.Popen(
            [*command, str(ROOT / "jobs/score.py"), *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_application(self) -> None:
        """Let YARN kill the application that runs."""
        apps = f"http://{LOOPBACK[0]}:8088/ws/v1/cluster/apps"
        with urlopen(f"{apps}?states=RUNNING") as answer:
            running = re.search(r"application_\d+_\d+", answer.read().decode())
        assert running
        request = Request(
            f"{apps}/{running[0]}/state?user.name={getuser()}",
            json.dumps({"state": "KILLED"}).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        urlopen(request).close()


@pytest.fixture
def yarn(tmp_path: Path) -> Iterator[Yarn]:
    """YARN for two instances with one GPU each, as SageMaker's container starts it."""
    words = ["--role", sagemaker.ROLE, "--image-uri", "x:1", "--region", "us-east-1"]
    words += ["--instance-type", "ml.g4dn.xlarge", "--instances", str(len(LOOPBACK))]
    semscore = Path(sys.executable).with_name("semscore")
    printed = subprocess.run(
        [str(semscore), "launch", "s3://in/x", "s3://out/x", *RECIPE, *words, "--dry-run"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    job = json.loads(printed)
    found = Yarn(tmp_path / "yarn")
    with ExitStack() as running:
        for host in LOOPBACK:
            root = found.folder / host
            made.write_files(root, "")
            place = root / "opt/ml"
            for path, content in {
                "config/processingjobconfig.json": job["CreateProcessingJob"],
                "processing/input/conf/configuration.json": job["configuration.json"],
            }.items():
                (place / path).parent.mkdir(parents=True)
                (place / path).write_text(json.dumps(content))
            running.enter_context(daemons(root, host, ",".join(LOOPBACK)))
        yield found


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an HDFS on this machine."""
    root, address = tmp_path_factory.mktemp("hdfs"), "127.0.0.4"
    made.write_files(root, "")
    with daemons(root, address, address, "hdfs"):
        yield f"hdfs://{address}:8020"


@contextmanager
def daemons(root: Path, *words: str) -> Iterator[None]:
    """Run the daemons of a host: see tests/services/loopback.py."""
    log = root / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, loopback.__file__, str(root), *words],
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n", log.read_text()
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[made.Hosts]:
    """A network for hosts."""
    if reason := made.obstacle():
        pytest.skip(f"hosts cannot be made here: {reason}")
    with made.hosts(tmp_path / "hosts") as network:
        yield network


@pytest.fixture
def server(network: made.Hosts, tmp_path: Path) -> Iterator[Server]:
    """S3 on the hosts' network."""
    place = tmp_path / "seaweedfs"
    place.mkdir()
    with seaweedfs(place, network.address) as server:
        yield server


@pytest.fixture
def submitted(network: made.Hosts, server: Server) -> Callable[..., Job]:
    """Submit a job over some rows, for hosts that are not started yet."""
    return partial(submit, network, server)
