"""The engine with several worker processes on one device."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.gpu.device import watched

PATIENCE_S = 45.0  # for an answer, beyond the seconds that were asked for
START_S = 45.0  # for the first answer, in addition
WARM_UP = 0.4  # of the seconds of a measurement, before it
ENOUGH = 0.95  # of the best speed: more workers than needed for this only take memory
SUMS = ("pairs", "tokens", "flop", "tokenize_s", "forward_s")


class Workers(AbstractContextManager["Workers"]):
    """Worker processes, which share the CPUs. Leaving the `with` block ends them."""

    def __init__(self, count: int, cpus: int) -> None:
        self.count, self._cpus = count, max(cpus // count, 1)
        threads = str(self._cpus)
        # As in udfs/worker/resident.py
        self._env = os.environ | {
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": threads,
            "RAYON_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "true" if self._cpus > 1 else "false",
            "TQDM_DISABLE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
        }
        self._start()

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        command, root = [sys.executable, "-m", "benchmarks.gpu.worker"], Path(__file__).parents[2]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._processes = [
            subprocess.Popen(command, env=self._env, cwd=root, **pipes) for _ in range(self.count)
        ]
        self._patience_s = START_S + PATIENCE_S

    def _end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def measure(
        self, device: str, seconds: float, peak: float | None, what: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Load a model in each worker, warm up, and score for some seconds in all of them.

        `what` has the arguments of `Work` that are the same in all workers, except the CPUs.
        `peak`: operations per second of the device's fastest matrix products. Raises RuntimeError
        if a worker fails.
        """
        common = {**what, "device": device, "cpus": self._cpus}
        loaded = self._ask([common | {"seed": seed} for seed in range(self.count)])
        self._ask([{"seconds": WARM_UP * seconds}] * self.count, seconds)
        with watched(device) as busy:
            found = self._ask([{"seconds": seconds}] * self.count, seconds)
        rates = {name: sum(one[name] / one["seconds"] for one in found) for name in SUMS}
        return {
            "workers": self.count,
            "cpus_each": self._cpus,
            "backend": loaded[0]["backend"],
            "note": loaded[0]["note"],
            "pairs_per_s": rates["pairs"],
            "tokens_per_s": rates["tokens"],
            "flop_per_s": rates["flop"],
            "share_of_peak": rates["flop"] / peak if peak else None,
            "gpu_busy": sum(busy) / len(busy) if busy else None,
            "tokenizing": rates["tokenize_s"] / self.count,  # share of the time, in its own thread
            "in_forward_passes": rates["forward_s"] / self.count,
        }

    def _ask(self, questions: Sequence[Mapping[str, Any]], seconds: float = 0) -> list[Any]:
        """Ask all workers at the same time, and return their answers.

        If one does not answer, all are replaced, because it could answer to the next question.
        """
        end = perf_counter() + seconds + self._patience_s
        try:
            for process, question in zip(self._processes, questions, strict=True):
                assert process.stdin
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
            answers = [_answer(process, end) for process in self._processes]
        except OSError as error:
            self._end()
            self._start()
            raise RuntimeError(f"{error}; its output is above") from error
        self._patience_s = PATIENCE_S
        for answer in answers:
            if "error" in answer:
                raise RuntimeError(answer["error"])
        return answers


def _answer(process: subprocess.Popen[str], end: float) -> dict[str, Any]:
    """Return a worker's answer. Raises OSError if there is none until a time of `perf_counter`."""
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], max(end - perf_counter(), 0))
    line = process.stdout.readline() if ready else ""
    if not line:
        raise OSError("a worker ended" if ready else "a worker gave no answer in time")
    answer: dict[str, Any] = json.loads(line)
    return answer


def recommended(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the smallest number of workers whose speed is nearly the best one of the points."""
    best = max(point["pairs_per_s"] for point in points)
    enough = [point["workers"] for point in points if point["pairs_per_s"] >= ENOUGH * best]
    return {"--workers-per-gpu": min(enough), "measured": [point["workers"] for point in points]}
