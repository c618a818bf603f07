"""Where the workers' seconds went. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from semscore.udfs.meters import worker_of

# What a worker does one after another. It waits for a thread that reads and tokenises beside it.
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
    """One Python worker."""

    host: str
    device: str
    backend: str
    process: str
    rows: int
    seconds: dict[str, float]  # step of STEPS -> s, all but `idle`

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.host} {self.device} {self.backend} ({self.process})"


@dataclass(frozen=True)
class Spent:
    """All workers' seconds by step, and by worker."""

    seconds: dict[str, float]  # step of STEPS -> s
    workers: list[WorkerTime]  # those with the most rows first
    tokenize_s: float  # in the thread beside, waited for or not
    read_s: float

    @property
    def total(self) -> float:
        """Seconds of all workers together."""
        return sum(self.seconds.values())

    def share(self, step: str) -> float:
        """Of all workers' time, 0 to 1."""
        return self.seconds[step] / self.total if self.total else 0.0

    @property
    def limit(self) -> str:
        """The step that took the most."""
        return max(self.seconds, key=self.seconds.__getitem__)


def spent(workers: Mapping[str, Counter[str]], slot_s: float) -> Spent:
    """Split the time of all workers; `slot_s`: seconds x tasks that could run at once."""
    split = [_worker(label, sums) for label, sums in workers.items()]
    seconds = {step: sum(worker.seconds.get(step, 0.0) for worker in split) for step in STEPS}
    seconds["idle"] = max(slot_s - sum(seconds.values()), 0.0)
    return Spent(
        seconds=seconds,
        workers=sorted(split, key=lambda worker: -worker.rows),
        tokenize_s=sum(float(sums["tokenize_s"]) for sums in workers.values()),
        read_s=sum(float(sums["read_s"]) for sums in workers.values()),
    )


def _worker(label: str, sums: Counter[str]) -> WorkerTime:
    """Waiting is put down to reading and tokenising as these two took the thread's time."""
    worker = worker_of(label)
    waited, beside = sums["wait_input_s"], sums["read_s"] + sums["tokenize_s"]
    for_rows = waited * (sums["read_s"] / beside if beside else 1.0)
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
