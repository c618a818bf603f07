"""A plan on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from semscore.jobs.plan import Plan
from semscore.jobs.planning.estimate import Estimate
from semscore.jobs.planning.predict import HOUR, Prediction
from semscore.jobs.summary import BAR_WIDTH

NO_PRICE = "no price is known: --price TYPE=NUMBER, for an hour of an instance, shows costs"


def print_plan(console: Console, plan: Plan) -> None:
    """The dataset, its texts, this machine, predictions, remarks, commands."""
    _print_data(console, plan)
    console.print()
    console.print(_lengths(plan.token_hist))
    console.print()
    speed = plan.speed
    console.print(
        f"this machine: {speed.workers} workers on {speed.hardware}, {speed.backend}, "
        f"{speed.precision} ({plan.precision_because}): {speed.flop_per_s / 1e9:,.0f} GFLOP/s "
        f"each, {1e6 * speed.tokenize_s:.1f} s to tokenise a million tokens"
    )
    console.print()
    console.print(_table(plan))
    for one in (plan.here, *plan.predictions):
        console.print(f"{one.name}: {one.basis}", highlight=False)
    for name, why in plan.impossible.items():
        console.print(f"{name}: not possible: {why}", highlight=False)
    if plan.predictions and not any(one.cost for one in plan.predictions):
        console.print(NO_PRICE)
    for remark in plan.remarks:
        console.print(f"- {remark}", highlight=False)
    console.print("\nhere:")
    console.print(f"  {plan.score}", soft_wrap=True, highlight=False)
    if plan.launch:
        console.print("on SageMaker (fill in what is in capitals):")
        console.print(f"  {plan.launch}", soft_wrap=True, highlight=False)


def _print_data(console: Console, plan: Plan) -> None:
    facts, rows = plan.facts, plan.sample_rows
    folders = f" in {facts.partitions:,} partitions" if facts.partition_columns else ""
    console.print(
        f"{facts.about}{facts.rows:,} rows in {facts.files:,} files{folders}, "
        f"{facts.bytes / 1e6:,.1f} MB; looked at {rows:,} rows"
    )
    shown = {
        status: plan.statuses.get(status, 0) / rows
        for status in ("ok", "null", "blank")
        if status in plan.statuses
    }
    truncated = plan.truncated * shown.get("ok", 0.0)
    console.print(
        "statuses to be: "
        + ", ".join(f"{status} {share:.1%}" for status, share in shown.items())
        + f", of ok truncated {truncated:.1%} of all"
    )
    console.print(
        f"distinct texts: {_percent(plan.distinct_in_window)} of all within "
        f"{plan.window_rows:,} rows, each embedded once there; of the whole dataset "
        f"{_percent(plan.distinct_in_all, mid=False)}, which a sample cannot tell closer"
    )


def _lengths(histogram: dict[int, int]) -> Table:
    table = Table("tokens", "texts", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    total, most = sum(histogram.values()), max(histogram.values())
    for place in range(min(histogram), max(histogram) + 1):
        count = histogram.get(place, 0)
        label = f"{2**place:,} to {2 ** (place + 1) - 1:,}"
        table.add_row(label, f"{count / total:.1%}", Bar(most, 0, count, width=BAR_WIDTH))
    return table


def _table(plan: Plan) -> Table:
    priced = any(one.cost for one in plan.predictions)
    heads = ["", "count", "workers", "time", "pairs/s", *(["cost", "per million"] * priced)]
    table = Table(*heads, "limited by", box=None, pad_edge=False)
    for column in table.columns[1 : len(heads)]:
        column.justify = "right"
    for one in (plan.here, *plan.predictions):
        cells = [one.name, str(one.count), _workers(one), _time(one.total_s)]
        cells.append(_span([f"{value:,.0f}" for value in _values(one.pairs_per_s)]))
        if priced:
            cells += [_money(one.cost), _money(one.cost_per_million)]
        table.add_row(*cells, one.limit)
    return table


def _workers(one: Prediction) -> str:
    return f"{one.devices} GPUs x {one.workers_per_device}" if one.on_gpu else f"{one.slots}"


def _values(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.low, estimate.mid, estimate.high


def _span(told: Sequence[str]) -> str:
    """Probable (least to most); once, if these read alike."""
    low, mid, high = told
    return mid if low == mid == high else f"{mid} ({low} to {high})"


def _time(seconds: Estimate) -> str:
    """In the unit that suits the probable time."""
    size, unit = (
        (HOUR, "h") if seconds.mid >= HOUR else (60, "min") if seconds.mid >= 90 else (1, "s")
    )
    return f"{_span([f'{value / size:,.1f}' for value in _values(seconds)])} {unit}"


def _money(cost: Estimate | None) -> str:
    return "–" if cost is None else _span([f"{value:,.2f}" for value in _values(cost)])


def _percent(share: Estimate, mid: bool = True) -> str:
    low, middle, high = (f"{value:.1%}" for value in _values(share))
    if mid:
        return _span([low, middle, high])
    return low if low == high else f"{low} to {high}"
