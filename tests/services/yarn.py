"""YARN and HDFS of Hadoop 3.4.1 on loopback addresses, with the settings that a launch sends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from typing import TextIO
from urllib.request import Request, urlopen

from tests.services import hosts as made
from tests.services import loopback, sagemaker
from tests.services.job import RECIPE
from tests.services.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


@dataclass
class Submitted:
    """A job that runs. What it says goes to a file, because a pipe that nobody reads stops it."""

    process: subprocess.Popen[bytes]
    file: TextIO

    def finish(self, timeout: float = PATIENCE) -> tuple[int, str]:
        """Wait for its end. Return its exit code, and what it has said."""
        try:
            code = self.process.wait(timeout)
        finally:
            self.process.kill()
        return code, self.said()

    def said(self) -> str:
        """Return what it has said so far."""
        self.file.seek(0)
        return self.file.read()


@dataclass
class Yarn:
    """A ResourceManager and NodeManagers on loopback addresses. `primary`: the first one."""

    folder: Path
    primary: str

    @property
    def conf(self) -> Path:
        """The settings of Hadoop on the first host, which all clients may use."""
        return self.folder / self.primary / "usr/lib/hadoop/etc/hadoop"

    @property
    def leases(self) -> Path:
        """The folder from which all executors lease their GPUs."""
        return self.folder / "leases"

    def submit(self, *words: str, conf: dict[str, str] | None = None) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
        return self.start(*words, conf=conf).finish()

    def start(
        self,
        *words: str,
        conf: dict[str, str] | None = None,
        script: Path = ROOT / "jobs/score.py",
    ) -> Submitted:
        """Start the job, or another script."""
        settings = {
            # What the settings name is in the image only.
            "spark.pyspark.python": sys.executable,
            "spark.pyspark.driver.python": sys.executable,
            "spark.executor.resource.gpu.discoveryScript": str(ROOT / "container/discover_gpus.py"),
            "spark.python.daemon.module": "semscore.udfs.worker.daemon",
            "spark.executorEnv.SEMSCORE_PRELOAD": "",
            "spark.executorEnv.SEMSCORE_LEASE_DIR": str(self.leases),
            "spark.yarn.jars": f"local:{made.HADOOP}/spark/jars/*",
            **(conf or {}),
        }
        spark = made.HADOOP / "spark"
        command = [str(spark / "bin/spark-submit"), "--master", "yarn"]
        command += [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
        environment = {
            **os.environ,
            "SPARK_HOME": str(spark),
            "SPARK_CONF_DIR": str(self.folder / self.primary / "usr/lib/spark/conf"),
            "HADOOP_CONF_DIR": str(self.conf),
            "JAVA_HOME": str(made.java_home()),
        }
        said = tempfile.TemporaryFile("w+", dir=self.folder)  # noqa: SIM115 - open while it runs
        return Submitted(
            subprocess.Popen(
                [*command, str(script), *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            ),
            said,
        )

    def kill_application(self) -> None:
        """Let YARN kill the application that runs."""
        apps = f"http://{self.primary}:8088/ws/v1/cluster/apps"
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


@contextmanager
def started(folder: Path, instance_type: str, gpus: dict[str, str]) -> Iterator[Yarn]:
    """Start YARN as SageMaker's container does, on addresses of this machine with these GPUs."""
    words = ["--role", sagemaker.ROLE, "--image-uri", "x:1", "--region", "us-east-1"]
    words += ["--instance-type", instance_type, "--instances", str(len(gpus))]
    semscore = Path(sys.executable).with_name("semscore")
    printed = subprocess.run(
        [str(semscore), "launch", "s3://in/x", "s3://out/x", *RECIPE, *words, "--dry-run"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    job = json.loads(printed)
    with ExitStack() as running:
        for host, addresses in gpus.items():
            root = folder / host
            made.write_files(root, "")
            place = root / "opt/ml"
            for path, content in {
                "config/processingjobconfig.json": job["CreateProcessingJob"],
                "processing/input/conf/configuration.json": job["configuration.json"],
            }.items():
                (place / path).parent.mkdir(parents=True)
                (place / path).write_text(json.dumps(content))
            given = {"SEMSCORE_FAKE_GPUS": addresses}
            running.enter_context(daemons(root, host, ",".join(gpus), "yarn", given))
        yield Yarn(folder, min(gpus))


@contextmanager
def daemons(
    root: Path, host: str, hosts: str, kind: str, environment: dict[str, str]
) -> Iterator[None]:
    """Run the daemons of a host: see tests/services/loopback.py."""
    log = root / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, loopback.__file__, str(root), host, hosts, kind],
            env=os.environ | environment,
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
