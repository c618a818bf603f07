"""Hosts on this machine: namespaces with a network, processes, a name and files of their own.

Each is like a container of a processing job: it has the files of SageMaker's image as the stand-in
makes them, those that our Dockerfile copies, and this machine's other files. What it writes is in a
folder of its own. Needs root, or the right to make such namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from semscore.jobs.spark.java import java_home
from tests.services import container_keys
from tests.services.seaweedfs import SECRET

ROOT = Path(__file__).parents[2]
STANDIN = ROOT / "tests/container/standin"
HADOOP = ROOT / "build/hadoop"  # see the Makefile
NETWORK = f"10.77.{os.getpid() % 250 + 1}"
BRIDGE = f"semscore{os.getpid() % 1_000_000}"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
INIT = Path(__file__).with_name("host.sh")


def obstacle() -> str | None:
    """Return why hosts cannot be made here, or None."""
    for tool in ("ip", "unshare", "nsenter"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    tried = subprocess.run(
        [
            *("unshare", "--mount", "--pid", "--net", "--uts", "--fork"),
            *("ip", "link", "add", "name", "bridge0", "type", "bridge"),
        ],
        capture_output=True,
        text=True,
    )
    return tried.stderr.strip() if tried.returncode else None


@dataclass
class Host:
    """A host. `folder`: what it writes, below its root, except for /tmp."""

    name: str
    address: str
    folder: Path
    disk_mb: int | None = None  # size of /tmp, if it is to be limited
    ahead_s: int = 0  # how far its clock is ahead; needs Debian's faketime
    process: subprocess.Popen[bytes] | None = None
    keys: subprocess.Popen[bytes] | None = None

    @property
    def space(self) -> str:
        """The name of the host's network namespace."""
        return f"{BRIDGE}-{self.name}"

    @property
    def link(self) -> str:
        """The bridge's end of the host's cable."""
        return f"{BRIDGE[-6:]}-{self.name}"

    @property
    def log(self) -> Path:
        """What the host's first process and its children have printed."""
        return self.folder.with_suffix(".log")

    @property
    def tmp(self) -> Path:
        """The host's /tmp, unless its size is limited."""
        return Path(f"{self.folder}.tmp")

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the host. Its first process is the command."""
        given = {
            "HADOOP_CONF_DIR": "/usr/lib/hadoop/etc/hadoop",
            "HADOOP_HOME": "/usr/lib/hadoop",
            "HOME": "/root",
            "JAVA_HOME": str(java_home()),
            "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
            "OMP_NUM_THREADS": "1",
            "PATH": f"/opt/semscore/bin:/opt/host/bin:/usr/lib/spark/bin:{SYSTEM_PATH}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "SEMSCORE_CACHE": "/tmp/semscore-cache",
            "SPARK_HOME": "/usr/lib/spark",
            "HF_HUB_OFFLINE": "1",
            **environment,
        }
        if self.ahead_s:
            given["FAKETIME"] = f"+{self.ahead_s}s"
            given["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            given["LD_PRELOAD"] = FAKETIME
        seen = [str(ROOT), sys.prefix, sys.base_prefix]
        words = ["ip", "netns", "exec", self.space, "unshare", "--mount", "--pid", "--uts"]
        words += ["--fork", "--kill-child", str(INIT), self.name, str(self.folder), *seen, "--"]
        words += ["env", "-i", *(f"{name}={value}" for name, value in given.items()), *command]
        with self.log.open("wb") as log:
            environ = os.environ | ({"DISK_MB": str(self.disk_mb)} if self.disk_mb else {})
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environ)

    def wait(self, timeout: float) -> int:
        """Wait until the host's first process has ended. Return its exit code."""
        assert self.process
        return self.process.wait(timeout)

    def processes(self, text: str) -> list[psutil.Process]:
        """Return the host's processes whose command line contains a text."""
        found = []
        if self.process and self.process.poll() is None:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if text in " ".join(process.cmdline()):
                        found.append(process)
        return found

    def run(self, command: str) -> None:
        """Run a command of the shell in the host, in the background."""
        assert self.process
        [first] = psutil.Process(self.process.pid).children()
        environ = [f"{name}={value}" for name, value in first.environ().items()]
        words = ["nsenter", "--target", str(first.pid), "--mount", "--net", "--pid", "--uts"]
        words += ["--root", "--wd", "env", "-i", *environ, "bash", "-c", f"{command} &"]
        with self.log.open("ab") as log:
            subprocess.run(words, stdout=log, stderr=log, check=True)

    def unplug(self) -> None:
        """Cut the network, so that nobody learns of what happens to the host."""
        ip("link", "set", self.link, "down")

    def plug_in(self) -> None:
        """Heal the network."""
        ip("link", "set", self.link, "up")

    def kill(self) -> None:
        """End all processes at once, as a failing machine does."""
        if self.process and self.process.poll() is None:
            for process in psutil.Process(self.process.pid).children():
                process.send_signal(signal.SIGKILL)
            self.process.wait()


@dataclass
class Hosts:
    """Hosts on one network. `address`: of this machine there."""

    folder: Path
    address: str = f"{NETWORK}.1"
    all: list[Host] = field(default_factory=list)

    def add(self, count: int) -> list[Host]:
        """Make hosts that are not started yet. Return them."""
        fresh = [
            Host(f"algo-{n}", f"{NETWORK}.{n + 1}", self.folder / f"algo-{n}")
            for n in range(len(self.all) + 1, len(self.all) + count + 1)
        ]
        names = "127.0.0.1 localhost\n"
        names += "".join(f"{host.address} {host.name}\n" for host in (*self.all, *fresh))
        for host in fresh:
            write_files(host.folder, names)
            self._connect(host)
            self.all.append(host)
        return fresh

    def _connect(self, host: Host) -> None:
        ip("netns", "add", host.space)
        ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.space)
        ip("link", "set", host.link, "master", BRIDGE, "up")
        inside = ("-n", host.space)
        ip(*inside, "addr", "add", f"{host.address}/24", "dev", "eth0")
        ip(*inside, "addr", "add", f"{container_keys.ADDRESS}/32", "dev", "lo")
        for device in ("lo", "eth0"):
            ip(*inside, "link", "set", device, "up")
        keys = [sys.executable, container_keys.__file__, "admin", SECRET]
        host.keys = subprocess.Popen(["ip", "netns", "exec", host.space, *keys])

    def remove(self) -> None:
        """End all hosts, and free what they have used."""
        for host in self.all:
            host.kill()
            if host.keys:
                host.keys.kill()
                host.keys.wait()
            # A link would outlive its namespace for a while, and its name be taken.
            ip("link", "del", host.link)
            ip("netns", "del", host.space)
        self.all.clear()


@contextlib.contextmanager
def hosts(folder: Path) -> Iterator[Hosts]:
    """Make a network for hosts, whose files are in a folder. All is removed after the block."""
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        made = Hosts(folder)
        try:
            yield made
        finally:
            made.remove()
    finally:
        ip("link", "del", BRIDGE)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def write_files(root: Path, names: str) -> None:
    """Write the files of the image to a root folder. `names`: /etc/hosts."""
    shutil.copytree(STANDIN / "hadoop-config", root / "opt/hadoop-config")
    conf = root / "usr/lib/hadoop/etc/hadoop"
    conf.mkdir(parents=True)
    for path in (STANDIN / "hadoop-config").glob("*[!h]"):
        shutil.copy(path, conf)
    (root / "usr/lib/hadoop/jars").symlink_to(HADOOP / "jars")
    spark = root / "usr/lib/spark"
    (spark / "conf").mkdir(parents=True)
    for name in ("bin", "sbin", "jars", "python"):
        (spark / name).symlink_to(HADOOP / "spark" / name)
    facts = root / "opt/aws-config"
    facts.mkdir()
    shutil.copy(STANDIN / "instance-types.json", facts / "ec2-instance-type-info.json")
    for source, target in copied_by_dockerfile():
        place = root / target.lstrip("/")
        if source.is_dir():
            shutil.copytree(source, place)
            continue
        place = place / source.name if target.endswith("/") else place
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
    commands = root / "opt/host/bin"
    commands.mkdir(parents=True)
    (commands / "smspark-submit").symlink_to(STANDIN / "smspark-submit")
    (commands / "java").symlink_to(java_home() / "bin/java")
    python = root / "usr/local/bin/python3"
    python.parent.mkdir(parents=True)
    path = "PYTHONPATH=/opt/semscore/python${PYTHONPATH:+:$PYTHONPATH}"  # the image has a .pth
    python.write_text(f'#!/bin/sh\n{path} exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    for folder in ("opt/ml", "opt/program", "etc", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    (root / "etc/hosts").write_text(names)


def copied_by_dockerfile() -> Iterator[tuple[Path, str]]:
    """Yield what our Dockerfile copies, with its place in the image. Leaves out the libraries."""
    for line in (ROOT / "container/Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "$" not in line:
            *sources, target = line.split()[1:]
            yield from ((ROOT / source, target) for source in sources)
