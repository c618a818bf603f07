"""Predictions, computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semscore.jobs.planner.estimate import Estimate, exactly
from semscore.jobs.planner.predict import (
    ON_CPU,
    ON_GPU,
    PATH_S,
    TAIL,
    TOKENISING,
    CpuCosts,
    Cut,
    Prediction,
    Target,
    cheapest,
    cut,
    predict,
)
from semscore.jobs.planner.speed import RowCost

ROWS = 1_000_000
# Of a row: 1.2 distinct texts, 40 tokens, 1 GFLOP.
ROW = RowCost(run_share=exactly(0.6), tokens=exactly(40), flop=Estimate(0.9e9, 1e9, 1.1e9))
CPU = CpuCosts(tokenize_s=3e-6, row_s=1e-5)
PARTS = Cut(units=4, tasks=40, window_rows=16_384, lanes=1)
GPUS = Target(
    name="ml.g5.12xlarge",
    count=2,
    devices=8,
    on_gpu=True,
    workers_per_device=1,
    slots=8,
    cores=88,
    task_rows=90_000,
    backend="torch",
    precision="bfloat16",
    flop_per_s=Estimate(7e12, 17.5e12, 35e12),
    whole_run=False,
    basis="assumed",
    same_cpu=False,
    start_s=Estimate(240, 360, 600),
)
CPUS = replace(
    GPUS,
    name="this machine",
    count=1,
    devices=4,
    on_gpu=False,
    slots=4,
    cores=4,
    flop_per_s=exactly(50e9),
    same_cpu=True,
    start_s=exactly(9),
)


def test_gpus_take_operations_over_their_rate_and_a_tail() -> None:
    found = predict(GPUS, ROWS, PARTS, ROW, CPU, price=7.0)
    forward = 1e15 / (17.5e12 * 8)
    assert found.steps_s[ON_GPU] == pytest.approx(forward)
    assert found.limit == ON_GPU
    scoring = forward * (1 + TAIL.mid * 8 / 40)
    assert found.scoring_s.mid == pytest.approx(scoring)
    assert found.scoring_s.low == pytest.approx(0.9e15 / (35e12 * 8))
    assert found.total_s.mid == pytest.approx(360 + scoring)
    assert found.cost is not None and found.cost_per_million is not None
    assert found.cost.mid == pytest.approx((360 + scoring) / 3600 * 7.0 * 2)
    assert found.cost_per_million.mid == pytest.approx(found.cost.mid)
    assert found.distinct_share.mid == 0.6


def test_a_fast_gpu_waits_for_tokenising() -> None:
    fast = replace(GPUS, flop_per_s=exactly(400e12), cores=4)
    found = predict(fast, ROWS, PARTS, ROW, CPU)
    cpu = ROWS * (40 * 3e-6 + 1e-5 + PATH_S) / 4
    assert found.limit == TOKENISING
    assert found.scoring_s.mid == pytest.approx(cpu * (1 + TAIL.mid * 8 / 40))
    assert found.scoring_s.high >= 2 * cpu  # CPUs there may be half as fast
    assert found.cost is None


def test_on_cpus_a_worker_does_one_thing_after_the_other() -> None:
    found = predict(CPUS, ROWS, PARTS, ROW, CPU)
    work = 1e15 / (50e9 * 4) + ROWS * PATH_S / 4
    assert found.limit == ON_CPU
    assert found.scoring_s.mid == pytest.approx(work * (1 + TAIL.mid * 4 / 40))
    within = predict(replace(CPUS, whole_run=True), ROWS, PARTS, ROW, CPU)
    assert within.scoring_s.mid == pytest.approx(5000)


def test_slots_without_tasks_do_not_help() -> None:
    few = Cut(units=1, tasks=2, window_rows=500, lanes=1)
    found = predict(GPUS, 1000, few, ROW, CPU)
    assert found.limit == "too few tasks for all slots"
    assert found.scoring_s.mid == pytest.approx(1e12 / (17.5e12 * 2) * (1 + TAIL.mid))


@pytest.mark.parametrize(
    ("rows", "row_groups", "slots", "expected"),
    [
        (10_000, 8, 2, Cut(1, 2, 5000, 1)),
        (10_000, 1, 2, Cut(1, 2, 5000, 2)),  # one row group, so a shuffle
        (1_000_000, 1000, 2, Cut(4, 40, 16_384, 1)),
        (900, 1, 64, Cut(1, 3, 300, 3)),
        (64_000, 64, 64, Cut(1, 64, 1000, 1)),
    ],
)
def test_a_dataset_is_cut_as_a_job_cuts_it(
    rows: int, row_groups: int, slots: int, expected: Cut
) -> None:
    assert cut(rows, row_groups, slots, 25_000, 16_384) == expected


def test_the_cheapest_counts_where_prices_are_known_else_the_first() -> None:
    def found(name: str, price: float | None) -> Prediction:
        return predict(replace(GPUS, name=name), ROWS, PARTS, ROW, CPU, price)

    assert cheapest([found("a", 3.0), found("b", 2.0), found("c", None)]).name == "b"
    assert cheapest([found("a", None), found("b", None)]).name == "a"
