"""Compute how the workers' time was spent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semscore.udfs.meters import worker_of

# The steps of a worker, one after another. A separate thread reads and tokenises meanwhile.
STEPS = {
    "load": "loading the model",
    "read": "waiting for rows",
    "tokenize": "waiting for tokens",
    "forward": "running the model",
    "compare": "comparing vectors",
    "write": "handing over results",
    "idle": "without a task",
}


@dataclass(frozen=True)
class WorkerTime:
    """The time of one Python worker."""

    host: str
    device: str
    backend: str
    process: str
    rows: int
    seconds: dict[str, float]  # step of STEPS, except `idle` -> s

    @property
    def name(self) -> str:
        """Return a readable name."""
        return f"{self.host} {self.device} {self.backend} ({self.process})"


@dataclass(frozen=True)
class DeviceTime:
    """How busy a GPU, or the CPU of a host, was."""

    host: str
    device: str
    workers: int  # processes; one that was replaced counts twice
    rows: int
    busy: float  # share of the time of scoring in which the model ran on it, 0 to 1


@dataclass(frozen=True)
class Spent:
    """The time of all workers, by step, by worker and by device."""

    seconds: dict[str, float]  # step of STEPS -> s
    workers: list[WorkerTime]  # the one with the most rows first
    devices: list[DeviceTime]  # the least busy first
    tokenize_s: float  # in the separate thread, whether the worker waited for it or not
    read_s: float  # likewise

    @property
    def total(self) -> float:
        """Return the seconds of all workers together."""
        return sum(self.seconds.values())

    def share(self, step: str) -> float:
        """Return the share of a step in all workers' time, 0 to 1."""
        return self.seconds[step] / self.total if self.total else 0.0

    @property
    def limit(self) -> str:
        """Return the step that took the most time."""
        return max(self.seconds, key=self.seconds.__getitem__)


def spent(workers: Mapping[str, Counter[str]], slot_s: float, scoring_s: float) -> Spent:
    """Split the time of all workers into steps.

    `slot_s`: slots x seconds. `scoring_s`: seconds in which units were scored.
    """
    times = [_worker(label, sums) for label, sums in workers.items()]
    seconds = {step: sum(worker.seconds.get(step, 0.0) for worker in times) for step in STEPS}
    seconds["idle"] = max(slot_s - sum(seconds.values()), 0.0)
    return Spent(
        seconds=seconds,
        workers=sorted(times, key=lambda worker: -worker.rows),
        devices=_devices(times, scoring_s),
        tokenize_s=sum(float(sums["tokenize_s"]) for sums in workers.values()),
        read_s=sum(float(sums["read_s"]) for sums in workers.values()),
    )


def _devices(workers: Iterable[WorkerTime], scoring_s: float) -> list[DeviceTime]:
    """Sum up workers by device. Workers share a GPU, but each has a CPU core of its own."""
    groups: dict[tuple[str, str], list[WorkerTime]] = {}
    for worker in workers:
        groups.setdefault((worker.host, worker.device), []).append(worker)
    devices = []
    for (host, device), members in groups.items():
        available = scoring_s * (len(members) if device == "cpu" else 1)
        running = sum(worker.seconds["forward"] for worker in members)
        devices.append(
            DeviceTime(
                host=host,
                device=device,
                workers=len(members),
                rows=sum(worker.rows for worker in members),
                busy=min(running / available, 1.0) if available else 0.0,
            )
        )
    return sorted(devices, key=lambda each: (each.busy, each.host, each.device))


def _worker(label: str, sums: Counter[str]) -> WorkerTime:
    """Divide waiting between reading and tokenising in proportion to the time of each."""
    worker = worker_of(label)
    waited, in_thread = sums["wait_input_s"], sums["read_s"] + sums["tokenize_s"]
    for_rows = waited * (sums["read_s"] / in_thread if in_thread else 1.0)
    return WorkerTime(
        host=worker.host,
        device=worker.device,
        backend=worker.backend,
        process=worker.process,
        rows=sums["rows"],
        seconds={
            "load": sums["load_s"],
            "read": for_rows,
            "tokenize": waited - for_rows,
            "forward": sums["forward_s"],
            "compare": sums["compare_s"],
            "write": sums["emit_s"],
        },
    )
