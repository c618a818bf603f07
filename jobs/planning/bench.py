"""The engine on this machine, on some pairs, without Spark: what its workers do in a second.

As many processes as Spark would have workers, all at once: on a machine whose cores share caches
and power, one alone is faster than each of many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from threading import BrokenBarrierError
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs import worker
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe

FIRST_ROWS = 256  # to warm up, and to see about how many rows there is time for
PATIENCE_S = 180.0  # for others to load the model

Answer = TypeVar("Answer")
_barrier: Any = None  # of this process; set when the pool starts it


@dataclass(frozen=True)
class Lengths:
    """How a model reads n texts."""

    tokens: NDArray[np.int64]  # (n,) special ones included, cut where it cuts
    truncated: NDArray[np.bool_]  # (n,)
    seconds: float  # on one core


@dataclass(frozen=True)
class Measured:
    """What one worker did while the others did the same."""

    label: str  # host, pid, device, backend
    hardware: str
    seconds: float  # of its passes over the pairs, loading left out
    meters: Meters


class Bench:
    """Workers of this machine, each a process."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self.pool, self.workers = pool, workers

    def ask(self, question: Callable[..., Answer], *given: Any) -> Answer:
        """One of them; raises what it raises."""
        return self.pool.submit(question, *given).result()

    def measure(
        self,
        texts1: Sequence[str],
        texts2: Sequence[str],
        recipe: Recipe,
        engine: Engine,
        budget_s: float,
    ) -> list[Measured]:
        """All of them at once, each on the same pairs, for about so long after loading."""
        given = (list(texts1), list(texts2), recipe, engine, budget_s)
        answers = [self.pool.submit(_measure, *given) for _ in range(self.workers)]
        return [answer.result() for answer in sorted(answers, key=_gave_up)]


def _gave_up(answer: Future[Measured]) -> bool:
    """Only because another failed: that one's error is the one to raise."""
    return isinstance(answer.exception(), BrokenBarrierError)


@contextmanager
def bench(workers: int) -> Iterator[Bench]:
    """Start so many processes; they end with the block."""
    context = get_context("spawn")  # a fork would inherit threads that do not run there
    barrier = context.Barrier(workers)
    pool = ProcessPoolExecutor(workers, context, _remember, (barrier, list(sys.path)))
    try:
        yield Bench(pool, workers)
    finally:
        pool.shutdown(cancel_futures=True)


def lengths(texts: Sequence[tuple[str, int]], recipe: Recipe, engine: Engine) -> Lengths:
    """Tokenise texts, each with the one of both prompts that it has, as the engine would."""
    encoder = worker.resident(recipe, engine).encoder
    prompts = (recipe.prompt1, recipe.prompt2)
    encoder.prepare([text for text, _ in texts[:16]], prompts[0], Meters())  # warm
    meters = Meters()
    tokens, truncated = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    sides = np.array([side for _, side in texts], np.int64)
    for side, prompt in enumerate(prompts):
        rows = np.flatnonzero(sides == side)
        if len(rows):
            inputs = encoder.prepare([texts[row][0] for row in rows], prompt, meters)
            tokens[rows], truncated[rows] = inputs.lengths, inputs.truncated
    return Lengths(tokens, truncated, meters.tokenize_s)


def _remember(barrier: Any, path: list[str]) -> None:
    global _barrier  # a pool has no other way to hand a barrier over
    _barrier = barrier
    sys.path[:] = path


def _measure(
    texts1: list[str], texts2: list[str], recipe: Recipe, engine: Engine, budget_s: float
) -> Measured:
    first, second = pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object)
    try:
        model = worker.resident(recipe, engine)
        warm = _pass(first[:FIRST_ROWS], second[:FIRST_ROWS], recipe, engine, Meters())
        _barrier.wait(PATIENCE_S)
    except BaseException:
        _barrier.abort()
        raise
    pace = min(FIRST_ROWS, len(first)) / warm  # rows a second, making code for shapes included
    meters, seconds = Meters(), 0.0
    while seconds < budget_s / 2:
        rows = max(int(pace * (budget_s - seconds)), FIRST_ROWS)
        seconds += _pass(first[:rows], second[:rows], recipe, engine, meters)
        pace = meters.rows / seconds
    return Measured(model.label, model.hardware, seconds, meters)


def _pass(
    first: pd.Series[Any], second: pd.Series[Any], recipe: Recipe, engine: Engine, meters: Meters
) -> float:
    """Score some pairs as a task does; the seconds that it took."""
    start = perf_counter()
    for _ in worker.score_batches(iter([(first, second)]), recipe, engine, meters):
        pass
    return perf_counter() - start
