"""Measure how fast the engine's workers score pairs on this machine, without Spark.

Starts as many processes as Spark would have workers and lets all work at once. Cores share caches
and power, so one process alone would be faster than each of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.protocol import Inputs
from semscore.udfs.meters import Meters
from semscore.udfs.processes.child import Child
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import score_batches

FIRST_ROWS = 256  # to warm up, and to estimate how many rows there is time for

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Lengths:
    """How a model tokenises n texts or pairs."""

    tokens: NDArray[np.int64]  # (n,) with special tokens, after truncation
    truncated: NDArray[np.bool_]  # (n,)
    seconds: float  # on one core


@dataclass(frozen=True)
class Measured:
    """What one worker did while all of them worked."""

    label: str  # host, pid, device, backend
    hardware: str
    seconds: float  # spent scoring, without loading the model
    meters: Meters


class Bench:
    """Worker processes on this machine."""

    def __init__(self, workers: Sequence[Child], pool: ThreadPoolExecutor) -> None:
        self._workers, self._pool = workers, pool

    def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a function in one worker and return its result. Errors are raised here."""
        return self._workers[0].ask(question, *arguments)

    def measure(
        self,
        texts1: Sequence[str],
        texts2: Sequence[str],
        recipe: Recipe,
        engine: Engine,
        budget_s: float,
    ) -> list[Measured]:
        """Score the same pairs in all workers at once, for about `budget_s` after loading."""
        arguments = (list(texts1), list(texts2), recipe, engine)
        paces = self._ask_all(_warm, [arguments] * len(self._workers))
        return self._ask_all(_measure, [(*arguments, budget_s, pace) for pace in paces])

    def _ask_all(
        self, question: Callable[..., Answer], arguments: Sequence[tuple[Any, ...]]
    ) -> list[Answer]:
        """Call a function in all workers at once, each with its own arguments.

        Raises the error of the first worker that has one.
        """
        futures = [
            self._pool.submit(process.ask, question, *own)
            for process, own in zip(self._workers, arguments, strict=True)
        ]
        return [future.result() for future in futures]


@contextmanager
def bench(workers: int) -> Iterator[Bench]:
    """Start this many worker processes. They end with the block."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers, "semscore-bench"))
        # The processes end before the pool, so that none of its threads waits for an answer.
        yield Bench([stack.enter_context(Child()) for _ in range(workers)], pool)


def lengths(items: Sequence[tuple[Any, int]], recipe: Recipe, engine: Engine) -> Lengths:
    """Tokenise n texts, or n pairs for a cross-encoder, as the engine does.

    Each comes with 0 or 1: whether it takes the first or the second prompt.
    """
    encoder = worker.resident(recipe, engine).encoder
    in_pairs = encoder.backend.kind == "cross-encoder"

    def prepared(chosen: Sequence[tuple[Any, int]], side: int) -> Inputs:
        given = [item for item, _ in chosen]
        return encoder.prepare(
            PairTexts.of(given) if in_pairs else given, recipe.prompts[side], meters
        )

    meters = Meters()
    prepared(items[:16], 0)  # warm
    meters = Meters()
    tokens, truncated = np.zeros(len(items), np.int64), np.zeros(len(items), bool)
    sides = np.array([side for _, side in items], np.int64)
    for side in range(len(recipe.prompts)):
        rows = np.flatnonzero(sides == side)
        if len(rows):
            inputs = prepared([items[row] for row in rows], side)
            tokens[rows], truncated[rows] = inputs.lengths, inputs.truncated
    return Lengths(tokens, truncated, meters.tokenize_s)


def _warm(texts1: list[str], texts2: list[str], recipe: Recipe, engine: Engine) -> float:
    """Load the model and score a few pairs. Returns rows per second, with compilation included."""
    first, second = _columns(texts1[:FIRST_ROWS], texts2[:FIRST_ROWS])
    worker.resident(recipe, engine)
    return len(first) / _pass(first, second, recipe, engine, Meters())


def _measure(
    texts1: list[str],
    texts2: list[str],
    recipe: Recipe,
    engine: Engine,
    budget_s: float,
    pace: float,
) -> Measured:
    """Score pairs for about `budget_s`. `pace`: the expected rows per second at first."""
    first, second = _columns(texts1, texts2)
    model = worker.resident(recipe, engine)
    meters, seconds = Meters(), 0.0
    while seconds < budget_s / 2:
        rows = max(int(pace * (budget_s - seconds)), FIRST_ROWS)
        seconds += _pass(first[:rows], second[:rows], recipe, engine, meters)
        pace = meters.rows / seconds
    return Measured(model.label, model.hardware, seconds, meters)


def _columns(texts1: list[str], texts2: list[str]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    return pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object)


def _pass(
    first: pd.Series[Any], second: pd.Series[Any], recipe: Recipe, engine: Engine, meters: Meters
) -> float:
    """Score some pairs as a task does. Returns the seconds that it took."""
    start = perf_counter()
    for _ in score_batches(iter([(first, second)]), recipe, engine, meters):
        pass
    return perf_counter() - start
