"""Run a command and measure its cost from outside, with JVM, Python workers and daemons.

Works on Linux only. Orphaned processes are adopted. Memory is the proportional share of each
process (PSS), so that pages that forked workers share count once.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import psutil

GRACE_S = 20  # time for processes that a command leaves running to end by themselves
PERIOD_S = 0.25  # between two readings of the processes' CPU time
LOOKS_PER_MEMORY = 4  # memory is read less often, because the kernel walks page tables for it
PR_SET_CHILD_SUBREAPER = 36  # from linux/prctl.h


@dataclass(frozen=True)
class Cost:
    """What a command and all processes that it started used."""

    wall_s: float
    cpu_s: float
    java_cpu_s: float  # of cpu_s
    peak_bytes: int
    exit_code: int  # -9: also if it was stopped at its time limit


@dataclass
class _Watch:
    """What the descendants of this process have used, as last read."""

    # (pid, birth) -> last name, because a shell may become Java, and CPU seconds
    used: dict[tuple[int, float], tuple[str, float]] = field(default_factory=dict)
    peak_bytes: int = 0
    looks: int = 0

    def look(self) -> None:
        at_memory = self.looks % LOOKS_PER_MEMORY == 0
        self.looks += 1
        in_use = 0
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # the process has just ended
                times = process.cpu_times()
                used = process.name(), times.user + times.system
                self.used[process.pid, process.create_time()] = used
                in_use += process.memory_full_info().pss if at_memory else 0
        self.peak_bytes = max(self.peak_bytes, in_use)


def measure(
    command: list[str], log: Path, env: dict[str, str] | None = None, limit_s: float = 3600
) -> Cost:
    """Run `command` with `env` added to its environment, write its output to `log`, and wait."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    log.parent.mkdir(parents=True, exist_ok=True)
    before_s = _reaped_cpu_s()
    watch = _Watch()
    start = perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
        )
        while True:
            watch.look()
            with suppress(subprocess.TimeoutExpired):
                exit_code = process.wait(PERIOD_S)
                break
            if perf_counter() - start > limit_s:
                process.kill()
    wall_s = perf_counter() - start
    _end_what_is_left()
    # These are lower bounds: the readings miss the last moments, and the kernel's sum misses
    # processes whose parent did not wait for them.
    cpu_s = max(sum(s for _, s in watch.used.values()), _reaped_cpu_s() - before_s)
    java_cpu_s = sum(s for name, s in watch.used.values() if name == "java")
    return Cost(wall_s, cpu_s, java_cpu_s, watch.peak_bytes, exit_code)


def _reaped_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _end_what_is_left() -> None:
    """End daemons that outlive their command, because they would affect the next measurement."""
    left = psutil.Process().children(recursive=True)
    left = psutil.wait_procs(left, timeout=GRACE_S)[1]  # Java may be writing its class archive
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=5)[1]:
        with suppress(psutil.Error):
            process.kill()
    with suppress(ChildProcessError):  # this process must wait for adopted ones
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def peak_mb() -> float:
    """Return this process's peak of memory. getrusage would count the parent's, up to the exec."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
