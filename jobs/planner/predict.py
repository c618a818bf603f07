"""Time and cost of a run on some hosts, from what a row costs and what devices do. Pure.

    scoring = max(operations / (operations a second of a device x devices),
                  CPU seconds of tokenising, reading and writing / cores)
    total   = start + scoring x slots / busy slots + tail

On CPUs the first line's rate is of a worker with all that it does, and there is no second line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from semscore.jobs.dataset.units import UNIT_ROWS, task_count, unit_scale
from semscore.jobs.planner.estimate import Estimate, exactly, larger
from semscore.jobs.planner.speed import RowCost
from semscore.udfs.recipe import Precision

HOUR = 3600.0
ON_GPU, ON_CPU = "forward passes on GPUs", "forward passes on CPUs"
TOKENISING, PATH = "tokenising on CPUs", "reading, writing"
# Seconds of a core to read a row, hand it to Python and back, and write it: 75,000 rows a second of
# a core in benchmarks/results/datapath.md.
PATH_S = 1 / 75_000
OTHER_CPU = Estimate(0.7, 1.0, 2.0)  # seconds there for one here, where CPUs differ
TAIL = Estimate(0.0, 0.1, 0.5)  # of a task, in which some slots wait for the last ones
INSTANCES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # tried where no number is given
DEARER = 1.25  # what more instances may cost, times the cheapest number
TAIL_INCLUDED = Estimate(0.0, 0.0, 0.5)  # the rate is of a whole run, its tail with it


@dataclass(frozen=True)
class Cut:
    """How a dataset is cut for so many slots."""

    units: int
    tasks: int  # of all units together
    window_rows: int  # rows among which a repeated text is embedded once
    lanes: int  # tasks that a shuffle deals a unit's rows out to; 1: files are split as they are


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a run would have to compute with."""

    name: str
    count: int  # hosts
    devices: int  # GPUs of all hosts together; without, workers
    on_gpu: bool
    workers_per_device: int
    slots: int  # tasks at once
    cores: int  # that all slots together have
    task_rows: int
    backend: str
    precision: Precision
    flop_per_s: Estimate  # of a device
    whole_run: bool  # that rate is of one, reading and writing included, not of scoring alone
    basis: str  # where the rate is from
    same_cpu: bool  # as CPU seconds were measured on
    start_s: Estimate  # from the command to the first row


@dataclass(frozen=True)
class CpuCosts:
    """Seconds of one core."""

    tokenize_s: float  # per token
    row_s: float  # per row


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A run on some hosts."""

    name: str
    count: int
    devices: int
    on_gpu: bool
    workers_per_device: int
    slots: int
    precision: Precision
    backend: str
    units: int
    tasks: int
    distinct_share: Estimate
    scoring_s: Estimate  # the models loaded
    total_s: Estimate  # from the command on
    pairs_per_s: Estimate  # while scoring
    limit: str  # the step that decides the time
    steps_s: dict[str, float]  # what each step alone would take
    basis: str
    calibrated: bool
    cost: Estimate | None  # None: no price is known
    cost_per_million: Estimate | None  # pairs


def cut(rows: int, row_groups: int, slots: int, task_rows: int, window_rows: int) -> Cut:
    """As a job would cut so many rows into units and tasks; their windows."""
    units = max(ceil(rows / (UNIT_ROWS * unit_scale(slots, task_rows))), 1)
    in_unit = ceil(rows / units)
    tasks = task_count(in_unit, slots, task_rows)
    shuffled = row_groups / units < tasks
    return Cut(units, units * tasks, _window(in_unit, tasks, window_rows), tasks if shuffled else 1)


def _window(rows: int, tasks: int, window_rows: int) -> int:
    return max(min(window_rows, ceil(rows / tasks)), 1)


def predict(
    target: Target,
    rows: int,
    parts: Cut,
    row: RowCost,
    cpu: CpuCosts,
    price: float | None = None,
) -> Prediction:
    """Time, and cost at a price of one host for an hour."""
    steps, work = _work(target, rows, row, cpu)
    busy = max(min(parts.tasks, target.slots), 1)
    scoring = work.times(target.slots / busy)
    tail = TAIL_INCLUDED if target.whole_run else TAIL
    scoring += _product(tail, scoring.times(busy / parts.tasks))
    total = target.start_s + scoring
    cost = None if price is None else total.times(price * target.count / HOUR)
    return Prediction(
        name=target.name,
        count=target.count,
        devices=target.devices,
        on_gpu=target.on_gpu,
        workers_per_device=target.workers_per_device,
        slots=target.slots,
        precision=target.precision,
        backend=target.backend,
        units=parts.units,
        tasks=parts.tasks,
        distinct_share=row.distinct_texts.times(0.5).within(0.0, 1.0),
        scoring_s=scoring,
        total_s=total,
        pairs_per_s=exactly(rows).over(scoring),
        limit=_limit(steps, target.slots / busy),
        steps_s=steps,
        basis=target.basis,
        calibrated=target.whole_run,
        cost=cost,
        cost_per_million=cost and cost.times(1e6 / rows),
    )


def _work(
    target: Target, rows: int, row: RowCost, cpu: CpuCosts
) -> tuple[dict[str, float], Estimate]:
    """Seconds of each step, and of all where every worker is busy."""
    forward = row.flop.times(rows).over(target.flop_per_s.times(target.devices))
    tokenising = row.tokens.times(rows * cpu.tokenize_s / target.cores)
    path = exactly(rows * (cpu.row_s + PATH_S) / target.cores)
    if not target.same_cpu:
        tokenising, path = _product(tokenising, OTHER_CPU), _product(path, OTHER_CPU)
    if target.on_gpu:
        steps = {
            ON_GPU: forward.mid,
            TOKENISING: tokenising.mid,
            PATH: path.mid,
        }
        work = larger(forward, tokenising + path)
    else:
        own = exactly(0 if target.whole_run else rows * PATH_S / target.cores)
        steps = {ON_CPU: forward.mid, PATH: own.mid}
        work = forward + own
    return steps, work


def with_instances(predicted: Callable[[int], Prediction]) -> Prediction:
    """Return the prediction for the largest number that costs at most a quarter too much.

    `predicted` returns the prediction for a number of instances. Cost means instances x time, so no
    price is needed. The search ends at the first number that costs more than DEARER times the
    cheapest.
    """
    chosen = predicted(1)
    lowest = chosen.total_s.mid
    for count in INSTANCES[1:]:
        candidate = predicted(count)
        lowest = min(lowest, count * candidate.total_s.mid)
        if count * candidate.total_s.mid > lowest * DEARER:
            break
        chosen = candidate
    return chosen


def cheapest(found: Sequence[Prediction]) -> Prediction:
    """Of several, the one that probably costs least; without prices, the first."""
    priced = [one for one in found if one.cost]
    return min(priced, key=lambda one: one.cost.mid if one.cost else 0.0, default=found[0])


def _limit(steps: dict[str, float], idle: float) -> str:
    """The step that takes longest; CPU steps count together against a GPU's."""
    if idle >= 2:
        return "too few tasks for all slots"
    names = list(steps)
    first, others = steps[names[0]], {name: steps[name] for name in names[1:]}
    return names[0] if first >= sum(others.values()) else max(others, key=lambda n: others[n])


def _product(one: Estimate, two: Estimate) -> Estimate:
    return Estimate(one.low * two.low, one.mid * two.mid, one.high * two.high)
