"""Predict time and cost of a run from what a row costs and how fast devices are. Pure.

    scoring = max(operations / (operations a second of a device x devices),
                  CPU seconds of tokenising, reading and writing / cores)
    total   = start + scoring x slots / busy slots + tail

On CPUs, the rate in the first line includes everything that a worker does, and the second line is
omitted.
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
# Seconds of one core to read a row, pass it to Python and back, and write it: 75,000 rows per
# second and core in benchmarks/results/datapath.md.
PATH_S = 1 / 75_000
OTHER_CPU = Estimate(0.7, 1.0, 2.0)  # seconds on other CPUs for one second on this machine
TAIL = Estimate(
    0.0, 0.1, 0.5
)  # of a task's time, while some slots are idle and the last tasks finish
INSTANCES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # tried if --instances is unset
DEARER = 1.25  # more instances may cost this multiple of the cheapest number's cost
TAIL_INCLUDED = Estimate(0.0, 0.0, 0.5)  # for rates of whole runs, which include the tail


@dataclass(frozen=True)
class Cut:
    """How a dataset is divided into units and tasks."""

    units: int
    tasks: int  # of all units together
    window_rows: int  # rows among which a repeated text is embedded once
    lanes: int  # tasks among which a shuffle distributes a unit's rows; 1: no shuffle


@dataclass(frozen=True, kw_only=True)
class Target:
    """The hardware that a run would use, and its speed."""

    name: str
    count: int  # hosts
    devices: int  # GPUs of all hosts together; without GPUs: workers
    on_gpu: bool
    workers_per_device: int
    slots: int  # tasks at once
    cores: int  # of all slots together
    task_rows: int
    backend: str
    precision: Precision
    flop_per_s: Estimate  # of a device
    whole_run: (
        bool  # the rate is that of a whole run, with reading and writing, not of scoring alone
    )
    basis: str  # where the rate comes from
    same_cpu: bool  # the CPU on which CPU seconds were measured
    start_s: Estimate  # from the command to the first row


@dataclass(frozen=True)
class CpuCosts:
    """CPU costs in seconds of one core."""

    tokenize_s: float  # per token
    row_s: float  # per row


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The predicted time and cost of a run on some hosts."""

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
    scoring_s: Estimate  # after models are loaded
    total_s: Estimate  # from the command to the end
    pairs_per_s: Estimate  # while scoring
    limit: str  # the step that decides the time
    steps_s: dict[str, float]  # what each step would take alone
    basis: str
    calibrated: bool
    cost: Estimate | None  # None: the price is unknown
    cost_per_million: Estimate | None  # per million pairs


def cut(rows: int, row_groups: int, slots: int, task_rows: int, window_rows: int) -> Cut:
    """Divide rows into units, tasks and windows as a job would."""
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
    """Predict time, and cost if `price`, of one host per hour, is given."""
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
        distinct_share=row.run_share,
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
    """Return the seconds of each step, and of all work while every worker is busy."""
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
    """Return the prediction that probably costs least, or the first if there are no prices."""
    priced = [host for host in found if host.cost]
    return min(priced, key=lambda host: host.cost.mid if host.cost else 0.0, default=found[0])


def _limit(steps: dict[str, float], idle: float) -> str:
    """Return the slowest step. The CPU steps together are compared with the GPU's step."""
    if idle >= 2:
        return "too few tasks for all slots"
    names = list(steps)
    first, others = steps[names[0]], {name: steps[name] for name in names[1:]}
    return names[0] if first >= sum(others.values()) else max(others, key=lambda n: others[n])


def _product(one: Estimate, two: Estimate) -> Estimate:
    return Estimate(one.low * two.low, one.mid * two.mid, one.high * two.high)
