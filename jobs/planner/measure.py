"""The sample through the engine on this machine: precision, lengths of texts, speed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from semscore.jobs.planner.bench import Bench, bench, lengths
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.speed import Speed, TextCosts, evenly, speed_of, text_costs
from semscore.jobs.preflight.precision import PROBE_PAIRS, WORTH_A_PROBE, Settled, choose
from semscore.udfs.backends.openvino.calibration import TEXTS, quantized
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.flops import Architecture
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.stores.registry import Storage
from semscore.udfs.worker.probe import probe

TOKEN_ROWS = 8_000  # tokenised to see how long texts are
SCORED_ROWS = 16_384  # at most in one pass
BUDGET_S = 15.0  # of scoring


@dataclass(frozen=True)
class Measurement:
    """What this machine makes of the sample."""

    precision_because: str
    costs: TextCosts
    speed: Speed


def measure(
    sampled: SampledRows,
    recipe: Recipe,
    engine: Engine,
    model: Architecture,
    dataset_rows: int,
    workers: int,
) -> Measurement:
    """Settle the precision as a job would, then score for BUDGET_S with so many workers.

    Raises UserError for what a model cannot do.
    """
    rows = evenly(len(sampled.codes), TOKEN_ROWS)
    codes = np.unique(sampled.codes[rows])
    texts = [sampled.texts[code] for code in codes.tolist()]
    scored = _texts(sampled, evenly(len(sampled.codes), SCORED_ROWS))
    try:
        with bench(workers) as machine, tempfile.TemporaryDirectory(prefix="semscore-") as folder:
            settled, because = _settle(machine, scored, recipe, engine, dataset_rows, folder)
            found = machine.ask(lengths, texts, settled, engine)
            measured = machine.measure(*scored, settled, engine, BUDGET_S)
    except ModelError as error:
        raise UserError(str(error)) from error
    costs = text_costs(sampled, rows, codes, found, model)
    return Measurement(because, costs, speed_of(measured, model, settled.precision))


def _texts(sampled: SampledRows, rows: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """The two columns of some rows."""
    first, second = (
        [sampled.texts[code][0] for code in codes.tolist()] for codes in sampled.codes[rows].T
    )
    return first, second


def _settle(
    machine: Bench,
    scored: tuple[Sequence[str], Sequence[str]],
    recipe: Recipe,
    engine: Engine,
    dataset_rows: int,
    folder: str,
) -> tuple[Recipe, str]:
    """The recipe as a job on this machine would settle it, and why; int8 is kept in `folder`."""
    if recipe.precision == "auto":
        if dataset_rows < WORTH_A_PROBE:
            few = f"fewer than {WORTH_A_PROBE:,} rows are not worth a probe"
            return replace(recipe, precision="float32"), few
        pairs = [list(texts[:PROBE_PAIRS]) for texts in scored]
        precision, why = choose(machine.ask(probe, *pairs, recipe, engine), len(pairs[0]))
        return replace(recipe, precision=precision), why
    if recipe.precision == "int8" and recipe.calibration is None:
        files = machine.ask(quantized, [*scored[0][:TEXTS], *scored[1][:TEXTS]], recipe)
        return Settled(recipe, {}, files).keep(Storage().folder(folder)), "as asked"
    return recipe, "as asked"
