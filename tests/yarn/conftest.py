"""YARN of Hadoop 3.4.1 on this machine, with the settings that `semscore launch` sends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.udfs.stores.s3_folder import S3Folder
from tests.services import hosts as made
from tests.services import loopback, pairs, sagemaker
from tests.services.seaweedfs import Server, seaweedfs

ROOT = Path(__file__).parents[2]
RECIPE = ("--model", pairs.MODEL, "--precision", "float32", "--max-seq-length", str(pairs.TOKENS))
LOOPBACK = ("127.0.0.2", "127.0.0.3")
PATIENCE = 240  # seconds; several times what an idle machine needs


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Return when a condition is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
        time.sleep(0.2)


@dataclass
class Yarn:
    """A ResourceManager and two NodeManagers on loopback addresses."""

    folder: Path
    daemons: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def conf(self) -> Path:
        """The settings of Hadoop on the first host, which all clients may use."""
        return self.folder / LOOPBACK[0] / "usr/lib/hadoop/etc/hadoop"

    def submit(self, *words: str, conf: dict[str, str] | None = None) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
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
        done = subprocess.run(
            [*command, str(ROOT / "jobs/score.py"), *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout + done.stderr


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
    try:
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
            command = [sys.executable, loopback.__file__, str(root), host, ",".join(LOOPBACK)]
            with (found.folder / f"{host}.log").open("w") as log:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            found.daemons.append(process)
            assert process.stdout
            assert process.stdout.readline() == "ready\n", (
                found.folder / f"{host}.log"
            ).read_text()
        yield found
    finally:
        for process in found.daemons:
            process.terminate()
            process.wait()


@dataclass
class Job:
    """A processing job on hosts of its own, whose INPUT and OUTPUT are on S3."""

    server: Server
    hosts: list[made.Host]
    request: sagemaker.Request
    output: str

    def start(self) -> None:
        """Start all hosts, the primary first."""
        names = [host.name for host in self.hosts]
        for host in self.hosts:
            place = host.folder / "opt/ml"
            sagemaker.prepare(self.request, place, self.server, host.name, names)
            host.start(sagemaker.command(self.request), sagemaker.environment(self.request))

    @property
    def primary(self) -> made.Host:
        return self.hosts[0]

    @property
    def units(self) -> Committed:
        """The committed units."""
        return ledger.read_units(S3Folder(self.output, self.server.access()))

    def wait_for_units(self, count: int) -> None:
        """Return when some units are committed."""
        folder = S3Folder(self.output, self.server.access())

        def committed() -> bool:
            assert self.primary.process and self.primary.process.poll() is None, self.log()
            return sum(1 for _ in folder.entries(ledger.UNITS)) >= count

        wait_for(committed, f"{count} units")

    def finish(self, timeout: float = 600) -> int:
        """Wait until the primary has ended. Return its exit code."""
        return self.primary.wait(timeout)

    def log(self) -> str:
        """Return what the primary has printed, without the daemons' and Java's lines."""
        return self.primary.log.read_text(errors="replace")

    @property
    def message(self) -> str:
        """What SageMaker would show as the reason of a failure."""
        return sagemaker.message(self.primary.folder / "opt/ml")

    def table(self) -> pa.Table:
        """Return ids and scores of all files of the dataset, committed or not."""
        folder = S3Folder(self.output, self.server.access())
        client, tables = self.server.client(), []
        for entry in folder.entries():
            if entry.path.endswith(".parquet") and not entry.path.startswith("_"):
                body = client.get_object(Bucket=folder.bucket, Key=f"{folder.key}/{entry.path}")
                data = io.BytesIO(body["Body"].read())
                tables.append(pq.read_table(data, columns=["id", "semanticScore"]))
        return pa.concat_tables(tables)


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
    """Submit a job over some rows with `semscore launch`, for hosts that are not started yet."""

    def submit(rows: int, instances: str, count: int, *options: str) -> Job:
        upload(server, pairs.table(rows), rows)
        name = f"semscore-{time.time_ns()}"
        words = ["s3://input/pairs", "s3://output/scored", *RECIPE, *sagemaker.on_server(server)]
        words += ["--instance-type", instances, "--instances", str(count), "--job-name", name]
        request = sagemaker.requested(server, *words, *options)
        return Job(server, network.add(count), request, "s3://output/scored")

    return submit


def upload(server: Server, table: pa.Table, rows: int, groups: int = 4) -> None:
    """Make s3://input/pairs: one file of some row groups."""
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=max(rows // groups, 1))
    server.client().put_object(Bucket="input", Key="pairs/a.parquet", Body=sink.getvalue())
