"""Measure what faults of hosts cost a job on YARN: `python -m benchmarks.faults --help`.

Each job runs on hosts of its own (network, process and mount namespaces of this machine) with HDFS,
YARN and S3, as SageMaker's container starts them. After the second unit, something fails. The
standstill is the longest time without a committed unit after that; it includes the time that a unit
takes, which stands beside it. Needs root, and `make build/hadoop/ready`.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Event, Thread

from benchmarks import BUILD
from benchmarks.ours import Book, parser
from tests.services import pairs
from tests.services.hosts import hosts, obstacle
from tests.services.job import Job, submit
from tests.services.seaweedfs import seaweedfs
from tests.services.watched import watched

PLACE = BUILD / "faults"
AFTER = 2  # units
CUT_S = 30
KILL_EVERY_S = 20
MASTER, EXECUTOR = "ExecutorLauncher", "CoarseGrainedExecutorBackend"
MANAGER, RESOURCES, DATA = "NodeManager", "ResourceManager", "DataNode"
DISK_FULL, CLOCK_AHEAD = "disk of a host full", "a clock an hour ahead"
GPU_LOST = "a GPU fails for good"
WATCH = "watch"  # in the /tmp that each host has
Fault = Callable[[Job], None]


def nothing(_: Job) -> None:
    """Disturb nothing."""


def host_reset(job: Job) -> None:
    """End a host's processes. Its address still answers, so connections are reset."""
    job.hosts[-1].kill()


def host_silent(job: Job) -> None:
    """End a host whose network is gone before."""
    job.hosts[-1].unplug()
    job.hosts[-1].kill()


def host_of_master(job: Job) -> None:
    """End the host of the application master, silently. If it is the primary, only the master."""
    [host] = [host for host in job.hosts if host.processes(MASTER)]
    if host is job.primary:
        kill(job, MASTER)
    else:
        host.unplug()
        host.kill()


def kill(job: Job, what: str, last: bool = False) -> None:
    """Kill a host's processes of a kind, on the first or last host that has some."""
    for host in reversed(job.hosts) if last else job.hosts:
        if found := host.processes(what):
            for process in found:
                process.kill()
            return


def node_manager_restarted(job: Job) -> None:
    """Kill a NodeManager, and start another one after ten seconds."""
    restart(job, MANAGER, "nodemanager")


def resource_manager_restarted(job: Job) -> None:
    """Kill the ResourceManager, and start another one after ten seconds."""
    restart(job, RESOURCES, "resourcemanager")


def restart(job: Job, kind: str, name: str) -> None:
    """Start a daemon again with the command that it was started with."""
    host = job.primary if kind == RESOURCES else job.hosts[-1]
    [daemon] = [one for one in host.processes(f".{kind}") if one.name() == "java"]
    command = " ".join(f"'{word}'" for word in daemon.cmdline())
    daemon.kill()
    time.sleep(10)
    host.run(f"{command} >> /var/log/yarn/{name}.log 2>&1")


def network_cut(job: Job) -> None:
    """Cut a host's network for a time, and heal it."""
    job.hosts[-1].unplug()
    time.sleep(CUT_S)
    job.hosts[-1].plug_in()


def disk_full(job: Job) -> None:
    """Fill the disk of a host. It is a small one of its own."""
    job.hosts[-1].run("dd if=/dev/zero of=/tmp/filler bs=1M")


def gpu_lost(job: Job) -> None:
    """Let each forward pass on a host's GPU fail."""
    fault = json.dumps({"kind": "lost", "address": "0"})
    job.hosts[-1].run(f"echo '{fault}' > /tmp/{WATCH}/fault.json")


def executors_killed(job: Job) -> None:
    """Kill an executor every twenty seconds until the job ends."""
    ended = Event()

    def often() -> None:
        while job.primary.process and job.primary.process.poll() is None:
            kill(job, EXECUTOR, last=True)
            ended.wait(KILL_EVERY_S)

    Thread(target=often, daemon=True).start()


FAULTS: dict[str, Fault] = {
    "nothing": nothing,
    "host, reset": host_reset,
    "host, silent": host_silent,
    "host of the application master": host_of_master,
    "application master": lambda job: kill(job, MASTER),
    "NodeManager; its containers live on": lambda job: kill(job, f".{MANAGER}", last=True),
    "NodeManager, restarted": node_manager_restarted,
    "ResourceManager, restarted": resource_manager_restarted,
    "DataNode": lambda job: kill(job, f".{DATA}", last=True),
    f"network cut for {CUT_S} s": network_cut,
    DISK_FULL: disk_full,
    GPU_LOST: gpu_lost,
    f"an executor every {KILL_EVERY_S} s": executors_killed,
}


@contextmanager
def job_of(args: Namespace, fault: str) -> Iterator[Job]:
    """Start a job, and remove its hosts at the end."""
    shutil.rmtree(PLACE, ignore_errors=True)
    (PLACE / "s3").mkdir(parents=True)
    with hosts(PLACE / "hosts") as network, seaweedfs(PLACE / "s3", network.address) as server:
        options = ["--unit-rows", str(args.unit_rows)]
        if fault == GPU_LOST:  # such workers fail when they are told to
            settings = watched(Path("/tmp", WATCH))
            options += [word for pair in settings.items() for word in ("--conf", "=".join(pair))]
        job = submit(network, server, args.rows, args.instance_type, args.hosts, *options)
        last = job.hosts[-1]
        for host in job.hosts:
            (host.tmp / WATCH).mkdir(parents=True)
        if fault == DISK_FULL:
            last.disk_mb = 1000
        if fault == CLOCK_AHEAD:
            last.ahead_s = 3600
        job.start()
        yield job


def standstill(job: Job, failed_at: float) -> tuple[float, float]:
    """Return the longest time between commits after the fault, and the median of all."""
    ended = sorted(datetime.fromisoformat(unit.ended).timestamp() for unit in job.units)
    gaps = [(after - before, after) for before, after in pairwise(ended)]
    longest = max((gap for gap, at in gaps if at > failed_at), default=0.0)
    return longest, median(gap for gap, _ in gaps)


def said(job: Job) -> str:
    """Return the warnings and errors that the user sees, without times."""
    lines = re.findall(r"^semscore: [\d:]+ (?!progress)(.+)$", job.log(), re.M)
    told = [line for line in lines if re.search("trying|lost|set aside|stopped|error", line)]
    return " / ".join(dict.fromkeys(told))[:300]


def main() -> None:
    """Run a job for each fault."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=16_000)
    options.add_argument("--unit-rows", type=int, default=2_000)
    options.add_argument("--instance-type", default="ml.g4dn.xlarge")
    options.add_argument("--hosts", type=int, default=3)
    options.add_argument("--only", nargs="+", choices=[*FAULTS, CLOCK_AHEAD])
    args = options.parse_args()
    if reason := obstacle():
        raise SystemExit(f"hosts cannot be made here: {reason}")
    columns = ["fault", "exit_code", "seconds", "standstill_s", "unit_s", "rows", "said"]
    book = Book("faults", columns)
    for name in args.only or [*FAULTS, CLOCK_AHEAD]:
        with job_of(args, name) as job:
            start = time.monotonic()
            job.wait_for_units(AFTER)
            failed_at = time.time()
            FAULTS.get(name, nothing)(job)
            code = job.finish(args.limit)
            longest, usual = standstill(job, failed_at)
            found = job.table()
            if code == 0:
                pairs.require_scored(found, args.rows)
            ids = found["id"].to_pylist()
            if len(ids) != len(set(ids)):
                raise SystemExit(f"{name}: rows are there twice")
            book.add(
                fault=name,
                exit_code=code,
                seconds=time.monotonic() - start,
                standstill_s=longest,
                unit_s=usual,
                rows=f"{len(ids):,} of {args.rows:,}",
                said=said(job) or job.message,
            )
    shutil.rmtree(PLACE)


if __name__ == "__main__":
    main()
