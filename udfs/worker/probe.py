"""Measurement of each precision on a worker's hardware: speed, and difference from float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import pandas as pd
from pyspark import TaskContext

from semscore.udfs.errors import ModelError
from semscore.udfs.gpus.device import task_device
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import scorer_with

# int8 never stays within the bound, and its calibration takes longer than this probe.
CPU_CANDIDATES: tuple[Precision, ...] = ("float32", "bfloat16")
GPU_CANDIDATES: tuple[Precision, ...] = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Candidate:
    """The measurement of a precision on one worker."""

    precision: Precision
    seconds: float  # for the sample, without loading the model
    difference: float  # the largest one from float32's scores
    where: str  # device and backend


def probe(
    texts1: Sequence[str],
    texts2: Sequence[str],
    recipe: Recipe,
    engine: Engine,
    others: Sequence[Recipe] = (),
) -> list[Candidate]:
    """Score a sample in each precision that the device and the backend support, float32 first.

    `others`: further recipes to measure, such as one for int8.

    If scores may exceed 1, the difference is relative to the largest one.
    """
    on_cpu = task_device(engine, TaskContext.get()).torch == "cpu"
    first, second = pd.Series(texts1, dtype=object), pd.Series(texts2, dtype=object)
    candidates: list[Candidate] = []
    exact = np.zeros(0, dtype=np.float32)
    precisions = CPU_CANDIDATES if on_cpu else GPU_CANDIDATES
    for tried in [*(replace(recipe, precision=name) for name in precisions), *others]:
        precision = tried.precision
        try:
            model = worker.resident(tried, engine)
        except ModelError:  # the backend that the user named does not compute in this precision
            if precision == "float32":
                raise
            continue
        scorer = scorer_with(model, recipe)
        for _ in range(2):  # the first pass also generates code for each shape
            start = perf_counter()
            meters = Meters()
            scores = scorer.score(scorer.prepare(first, second, meters), meters).score
            seconds = perf_counter() - start
        if precision == "float32":
            exact = scores
        scale = 1.0 if scorer.bounded else float(np.nanmax(np.abs(exact), initial=0))
        apart = float(np.nanmax(np.abs(scores - exact), initial=0)) / (scale or 1.0)
        lost = bool((np.isnan(scores) & ~np.isnan(exact)).any())
        where = " ".join(model.label.split()[2:])
        candidates.append(Candidate(precision, seconds, np.inf if lost else apart, where))
    return candidates
