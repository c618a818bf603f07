"""Start HDFS and YARN on this host, as SageMaker's container does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import configuration

JARS = configuration.ROOT / "usr/lib/hadoop/jars"
LOGS = configuration.ROOT / "var/log/yarn"
PATIENCE = 120  # seconds until a daemon has started
SERVER = "org.apache.hadoop"


@dataclass(frozen=True)
class Daemon:
    """A process of Hadoop. `ready`: what it logs when it works."""

    name: str
    java_class: str
    ready: str


NAME_NODE = Daemon("namenode", f"{SERVER}.hdfs.server.namenode.NameNode", r"RPC up at")
DATA_NODE = Daemon(
    "datanode", f"{SERVER}.hdfs.server.datanode.DataNode", r"successfully registered with NN"
)
RESOURCES = Daemon(
    "resourcemanager",
    f"{SERVER}.yarn.server.resourcemanager.ResourceManager",
    r"Transitioned to active state",
)
NODES = Daemon(
    "nodemanager",
    f"{SERVER}.yarn.server.nodemanager.NodeManager",
    r"Registered with ResourceManager",
)
WORKER = (DATA_NODE, NODES)
PRIMARY = (NAME_NODE, RESOURCES, *WORKER)


@contextlib.contextmanager
def daemons(kinds: Sequence[Daemon]) -> Iterator[None]:
    """Run daemons. They end with the block, or with this process."""
    LOGS.mkdir(parents=True, exist_ok=True)
    environment = {"SEMSCORE_FAKE_GPUS": pretended_gpus(), **os.environ}
    if NAME_NODE in kinds:
        log = LOGS / "format.log"
        process = start(NAME_NODE, environment, log, "-format", "-force")
        if process.wait(PATIENCE):
            raise RuntimeError(f"HDFS was not formatted: {log.read_text()[-700:]}")
    running: list[tuple[Daemon, subprocess.Popen[bytes], Path]] = []
    try:
        for kind in kinds:
            log = LOGS / f"{kind.name}.log"
            running.append((kind, start(kind, environment, log), log))
        for kind, process, log in running:
            wait_for(kind, process, log)
        yield
    finally:
        for _, process, _ in reversed(running):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        for log in sorted(LOGS.glob("userlogs/*/*/stderr")):  # the real one copies them meanwhile
            sys.stderr.writelines(f"[{log}] {line}\n" for line in log.read_text().splitlines())


def start(
    kind: Daemon, environment: Mapping[str, str], log: Path, *options: str
) -> subprocess.Popen[bytes]:
    """Start a daemon, which this process's death ends."""
    command = ["java", "-Xmx400m", "-XX:TieredStopAtLevel=1"]
    command += ["--add-opens=java.base/java.lang=ALL-UNNAMED"]
    command += ["-cp", f"{configuration.HADOOP}:{JARS}/*", kind.java_class, *options]
    with log.open("wb") as sink:
        return subprocess.Popen(
            command,
            env=environment,
            stdout=sink,
            stderr=sink,
            preexec_fn=end_with_parent,
        )


def pretended_gpus() -> str:
    """Return as many GPUs as YARN counts on this host, for executors."""
    site = configuration.read_xml(configuration.YARN_SITE)
    return ",".join(map(str, range(int(site.get("yarn.nodemanager.resource-type.gpu", "0")))))


def end_with_parent() -> None:
    """Linux sends SIGTERM when the process that started this one has ended."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def wait_for(kind: Daemon, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a daemon works."""
    end = time.monotonic() + PATIENCE
    while not re.search(kind.ready, log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the {kind.name} did not start: {log.read_text()[-700:]}")
        time.sleep(0.1)
