"""A plan on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from semscore.jobs.cli.summary import BAR_WIDTH
from semscore.jobs.failures.wording import counted
from semscore.jobs.plan import Plan
from semscore.jobs.planner.estimate import Estimate
from semscore.jobs.planner.predict import HOUR, Prediction
from semscore.udfs.meters import token_range

NO_PRICE = "no price is known; to see costs, give the price per hour: --price TYPE=NUMBER"


def print_plan(console: Console, plan: Plan) -> None:
    """Print the dataset, its texts, this machine, the predictions, remarks and commands."""
    _print_data(console, plan)
    console.print()
    console.print(_lengths(plan.token_hist, plan.item))
    console.print()
    speed = plan.speed
    console.print(
        f"this machine: {speed.workers} workers on {speed.hardware}, {speed.backend}, "
        f"{speed.precision} ({plan.precision_because}): {speed.flop_per_s / 1e9:,.0f} GFLOP/s "
        f"each, {1e6 * speed.tokenize_s:.1f} s to tokenise a million tokens"
    )
    console.print()
    console.print(_table(plan))
    for prediction in (plan.here, *plan.predictions):
        console.print(_why(prediction), highlight=False)
    for name, why in plan.impossible.items():
        console.print(f"{name}: not possible: {why}", highlight=False)
    if plan.predictions and not any(prediction.cost for prediction in plan.predictions):
        console.print(NO_PRICE)
    for remark in plan.remarks:
        console.print(f"- {remark}", highlight=False)
    console.print("\non this machine:")
    console.print(f"  {plan.score}", soft_wrap=True, highlight=False)
    if plan.launch:
        console.print("on SageMaker (replace what is in capitals):")
        console.print(f"  {plan.launch}", soft_wrap=True, highlight=False)


def _print_data(console: Console, plan: Plan) -> None:
    facts, rows = plan.facts, plan.sample_rows
    sampled = counted(rows, "text" if plan.embeds else "row")
    console.print(f"{plan.model}: {plan.kind}", soft_wrap=True, highlight=False)
    folders = f" in {facts.partitions:,} partitions" if facts.partition_columns else ""
    console.print(
        f"{facts.about}{facts.rows:,} rows in {facts.files:,} files{folders}, "
        f"{facts.bytes / 1e6:,.1f} MB; sample of {sampled}"
    )
    statuses = ", ".join(
        f"{status} {share:.1%}" for status, share in plan.statuses.items() if share
    )
    console.print(
        f"expected statuses: {statuses}; a {plan.item} has {plan.chars:,.0f} characters on average"
    )
    within, low, high = (
        plan.distinct_in_window,
        plan.distinct_in_all.low,
        plan.distinct_in_all.high,
    )
    overall = (
        f"{low:.1%}" if low == high else f"between {low:.1%} and {high:.1%}, judging by the sample"
    )
    console.print(
        f"distinct {plan.item}s: {_span([f'{value:.1%}' for value in _values(within)])} within "
        f"windows of {plan.window_rows:,} rows, where the model runs once on each; {overall} in "
        "the whole dataset"
    )


def _lengths(histogram: dict[int, int], what: str) -> Table:
    table = Table("tokens", f"{what}s", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    total, most = sum(histogram.values()), max(histogram.values())
    for length_bin in range(min(histogram), max(histogram) + 1):
        count = histogram.get(length_bin, 0)
        table.add_row(
            token_range(length_bin), f"{count / total:.1%}", Bar(most, 0, count, width=BAR_WIDTH)
        )
    return table


def _table(plan: Plan) -> Table:
    priced = any(prediction.cost for prediction in plan.predictions)
    what = "texts/s" if plan.embeds else "pairs/s"
    headers = ["", "workers", what, "time", *(["cost", "/million"] * priced)]
    table = Table(*headers, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for column in table.columns:
        column.no_wrap = True
    for prediction in (plan.here, *plan.predictions):
        name, count = prediction.name, prediction.count
        cells = [
            f"{count} x {name}" if count > 1 else name,
            str(prediction.slots),
            f"{prediction.pairs_per_s.mid:,.0f}",
            _time(prediction.total_s),
        ]
        if priced:
            million = prediction.cost_per_million
            cells += [_money(prediction.cost), f"{million.mid:,.2f}" if million else "–"]
        table.add_row(*cells)
    return table


def _why(prediction: Prediction) -> str:
    """Return what limits the speed, and on what the prediction is based."""
    workers = counted(prediction.workers_per_device, "worker")
    shared = f"{workers} on each GPU; " if prediction.on_gpu else ""
    return f"{prediction.name}: {shared}limited by {prediction.limit}; {prediction.basis}"


def _values(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.low, estimate.mid, estimate.high


def _span(values: Sequence[str]) -> str:
    """Return `probable (least-most)`, or only one figure if all three are the same."""
    low, mid, high = values
    return mid if low == mid == high else f"{mid} ({low}-{high})"


def _time(seconds: Estimate) -> str:
    """Return a time in the unit that suits the probable value."""
    size, unit = (
        (HOUR, "h") if seconds.mid >= HOUR else (60, "min") if seconds.mid >= 90 else (1, "s")
    )
    return f"{_span([f'{value / size:,.1f}' for value in _values(seconds)])} {unit}"


def _money(cost: Estimate | None) -> str:
    if cost is None:
        return "–"
    digits = 2 if cost.high < 100 else 0
    return _span([f"{value:,.{digits}f}" for value in _values(cost)])
