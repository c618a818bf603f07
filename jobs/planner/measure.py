"""Run the engine on the sample: choose the precision, measure text lengths and speed."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from semscore.jobs.planner.bench import Bench, bench, lengths
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.speed import ItemCosts, Speed, evenly, item_costs, speed_of
from semscore.jobs.preflight.precision import TOO_FEW, WORTH_A_PROBE, Settled, pair_of
from semscore.udfs.backends.openvino.calibration import TEXTS, quantized
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.flops import Architecture
from semscore.udfs.precision import PROBE_PAIRS, fastest
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.stores.registry import Storage
from semscore.udfs.worker.probe import probe

log = logging.getLogger("semscore")

TOKEN_ROWS = 8_000  # tokenised to measure the lengths of texts
SCORED_ROWS = 16_384  # at most, in one pass
BUDGET_S = 15.0  # of scoring, after loading


@dataclass(frozen=True)
class Measurement:
    """What this machine measured on the sample."""

    precision_because: str
    costs: ItemCosts
    speed: Speed


def measure(
    sampled: SampledRows,
    recipe: Recipe,
    engine: Engine,
    model: Architecture,
    dataset_rows: int,
    workers: int,
) -> Measurement:
    """Choose the precision as a job would, then score for BUDGET_S with `workers` processes.

    Raises UserError for what a model cannot do.
    """
    rows = evenly(len(sampled.codes), TOKEN_ROWS)
    codes = np.unique(sampled.codes[rows])
    items = [sampled.items[code] for code in codes.tolist()]
    scored = sampled.columns(evenly(len(sampled.codes), SCORED_ROWS))
    try:
        with bench(workers) as machine, tempfile.TemporaryDirectory(prefix="semscore-") as folder:
            chosen, because = _choose_precision(
                machine, scored, recipe, engine, dataset_rows, folder
            )
            log.info("scoring pairs of the sample for about %d s", BUDGET_S)
            found = machine.ask(lengths, items, chosen, engine)
            measured = machine.measure(*scored, chosen, engine, BUDGET_S)
    except ModelError as error:
        raise UserError(str(error)) from error
    costs = item_costs(sampled, rows, codes, found, model)
    return Measurement(because, costs, speed_of(measured, model, chosen.precision))


def _choose_precision(
    machine: Bench,
    scored: tuple[Sequence[str], Sequence[str]],
    recipe: Recipe,
    engine: Engine,
    dataset_rows: int,
    folder: str,
) -> tuple[Recipe, str]:
    """Return the recipe with the precision that a job on this machine would use, and the reason.

    A model that is quantised to int8 is kept in `folder`.
    """
    if recipe.precision == "auto":
        if dataset_rows < WORTH_A_PROBE:
            return replace(recipe, precision="float32"), TOO_FEW
        log.info("comparing the precisions on this machine, to choose one")
        firsts, seconds = (texts[:PROBE_PAIRS] for texts in scored)
        pairs = [pair_of((a,) if a == b else (a, b)) for a, b in zip(firsts, seconds, strict=True)]
        probed = [[a for a, _ in pairs], [b for _, b in pairs]]
        precision, why = fastest(machine.ask(probe, *probed, recipe, engine), len(probed[0]))
        return replace(recipe, precision=precision), why
    if recipe.precision == "int8" and recipe.calibration is None:
        log.info("precision int8: calibrating on texts of the sample")
        pairs = list(zip(scored[0][:TEXTS], scored[1][:TEXTS], strict=True))
        files = machine.ask(quantized, pairs, recipe)
        return Settled(recipe, {}, files).keep(Storage().folder(folder)), "as asked"
    return recipe, "as asked"
