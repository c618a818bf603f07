"""Draw the report's charts as SVG, without scripts or requests.

Altair describes the charts and vl-convert draws them. Colours are CSS variables of the page, so
the same drawing works in light and dark mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import vl_convert

from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.scores import QUANTILES
from semscore.jobs.reporting.spent import STEPS
from semscore.udfs.recipe import described_score, item

WIDTH, HEIGHT = 420, 190
MOST_WORKERS = 24
INK, SOFT, LINE = "var(--ink)", "var(--soft)", "var(--line)"
MAIN = "var(--c4)"  # the colour of the forward pass
MEASURES = {"precision": MAIN, "recall": "var(--c2)"}  # with their colours
DASHES = [[1, 0], [6, 4]]
# vl-convert measures labels with Liberation, which it ships. Its letters are as wide as Arial's.
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
# Characters that XML cannot contain. vl-convert does not raise on them: it ends the process.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
VEGA_LITE = "6.4"  # the version of the language in which Altair describes charts
SVG = "http://www.w3.org/2000/svg"

Drawing: TypeAlias = Any  # an Altair chart, whose methods have no types; None: no chart


def draw_all(facts: Facts) -> dict[str, str]:
    """Return name -> SVG. Charts without data are left out."""
    ElementTree.register_namespace("", SVG)
    drawn = {name: draw(facts) for name, draw in CHARTS.items()}
    return {name: _svg(chart) for name, chart in drawn.items() if chart is not None}


def warm_up() -> None:
    """Draw an empty chart, because vl-convert takes a third of a second to start."""
    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "bar"}, vl_version=VEGA_LITE)


def _scores(facts: Facts) -> Drawing:
    rows = [(b.low, b.high, b.pairs) for b in facts.scores]
    data = _frame(rows, ["low", "high", "pairs"])
    return _bars(data, described_score(facts.what.recipe)) if rows else None


def _lengths(facts: Facts) -> Drawing:
    if not facts.texts.lengths:
        return None
    data = _frame(facts.texts.named_lengths, ["tokens", "texts"])
    what = item(facts.what.recipe)
    return (
        alt.Chart(data)
        .mark_bar(color=MAIN)
        .encode(
            x=alt.X("texts:Q", title=f"distinct {what}s"),
            y=alt.Y("tokens:N", sort=None, title=f"tokens per {what}"),
        )
        .properties(width=WIDTH - 60, height=alt.Step(20))
    )


def _partitions(facts: Facts) -> Drawing:
    if len(facts.partitions) < 2:
        return None
    names = [f"q{round(100 * q)}" for q in QUANTILES]
    data = _frame([(p.name, *p.quantiles) for p in facts.partitions], ["partition", *names])
    base = alt.Chart(data).encode(y=alt.Y("partition:N", sort=None, title=None))
    score = alt.Scale(zero=False)
    whiskers = base.mark_rule(color=SOFT).encode(
        x=alt.X("q5:Q", title="score", scale=score), x2="q95:Q"
    )
    box = base.mark_bar(color=MAIN, size=10).encode(x="q25:Q", x2="q75:Q")
    median = base.mark_tick(color=INK, size=14, thickness=2).encode(x="q50:Q")
    return (whiskers + box + median).properties(width=WIDTH - 80, height=alt.Step(22))


def _seconds(facts: Facts) -> Drawing:
    workers = facts.spent.workers[:MOST_WORKERS]
    rows = [
        (w.name, text, order, w.seconds[step])
        for w in workers
        for order, (step, text) in enumerate(STEPS.items())
        if step in w.seconds
    ]
    return _stack(_frame(rows, ["worker", "step", "order", "seconds"]), "worker")


def _all_seconds(facts: Facts) -> Drawing:
    rows = [
        ("all workers", text, order, facts.spent.seconds[step])
        for order, (step, text) in enumerate(STEPS.items())
    ]
    return _stack(_frame(rows, ["worker", "step", "order", "seconds"]), None)


def _rates(facts: Facts) -> Drawing:
    rows = [(rate.from_s, rate.to_s, rate.rows_per_s) for rate in facts.rates]
    if not rows:
        return None
    data = _frame(rows, ["from", "to", "rows"])
    return (
        alt.Chart(data)
        .mark_bar(color=MAIN, stroke=MAIN, strokeWidth=0.7)
        .encode(
            x=alt.X("from:Q", title="seconds of scoring", scale=alt.Scale(nice=False)),
            x2="to:Q",
            y=alt.Y("rows:Q", title="rows per second"),
            y2=alt.Y2Datum(0),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )


def _units(facts: Facts) -> Drawing:
    if len(facts.units) < 2:
        return None
    rows = [(k, u.began_s, u.ended_s, u.rows) for k, u in enumerate(facts.units, start=1)]
    data = _frame(rows, ["unit", "from", "to", "rows"])
    height = min(max(4 * len(rows), 60), 2 * HEIGHT)
    return (
        alt.Chart(data)
        .mark_bar(color="var(--c5)")
        .encode(
            x=alt.X("from:Q", title="seconds of scoring", scale=alt.Scale(nice=False)),
            x2="to:Q",
            y=alt.Y("unit:O", title="units, in order of start", axis=alt.Axis(labels=False)),
        )
        .properties(width=WIDTH, height=height)
    )


def _gold(facts: Facts) -> Drawing:
    if facts.gold is None or not facts.gold.dots:
        return None
    data = _frame(facts.gold.dots, ["grade", "score"])
    return (
        alt.Chart(data)
        .mark_circle(color=MAIN, opacity=0.6, size=22)
        .encode(
            x=alt.X("grade:Q", title=_writable(facts.gold.column), scale=alt.Scale(zero=False)),
            y=alt.Y("score:Q", title="score", scale=alt.Scale(zero=False)),
        )
        .properties(width=WIDTH, height=WIDTH * 0.6)
    )


def _thresholds(facts: Facts) -> Drawing:
    if facts.gold is None or facts.gold.curve is None:
        return None
    rows = [
        (threshold, name, value)
        for threshold, *values in facts.gold.curve.points
        for name, value in zip(MEASURES, values, strict=True)
    ]
    names, legend = list(MEASURES), alt.Legend(orient="bottom", symbolSize=400)
    colors = alt.Scale(domain=names, range=list(MEASURES.values()))
    dashes = alt.Scale(domain=names, range=DASHES)
    return (
        alt.Chart(_frame(rows, ["threshold", "measure", "value"]))
        .mark_line(interpolate="step-before")
        .encode(
            x=alt.X("threshold:Q", title="threshold", scale=alt.Scale(zero=False, nice=False)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("measure:N", title=None, scale=colors, legend=legend),
            strokeDash=alt.StrokeDash("measure:N", title=None, scale=dashes, legend=legend),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )


CHARTS: dict[str, Callable[[Facts], Drawing]] = {
    "scores": _scores,
    "partitions": _partitions,
    "lengths": _lengths,
    "all_seconds": _all_seconds,
    "seconds": _seconds,
    "rates": _rates,
    "units": _units,
    "gold": _gold,
    "thresholds": _thresholds,
}


def _bars(data: pd.DataFrame, title: str) -> Drawing:
    return (
        alt.Chart(data)
        .mark_bar(color=MAIN)
        .encode(
            x=alt.X("low:Q", title=title, scale=alt.Scale(zero=False, nice=False)),
            x2="high:Q",
            y=alt.Y("pairs:Q", title="pairs"),
            y2=alt.Y2Datum(0),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )


def _stack(data: pd.DataFrame, rows: str | None) -> Drawing:
    if not data.seconds.sum():
        return None
    colors = alt.Scale(
        domain=list(STEPS.values()), range=[f"var(--c{k})" for k in range(1, len(STEPS) + 1)]
    )
    legend = (
        alt.Legend(orient="bottom", columns=2, columnPadding=24, title=None)
        if rows is None
        else None
    )
    y = alt.Y("worker:N", sort=None, title=None, axis=None if rows is None else alt.Axis())
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("sum(seconds):Q", title="seconds"),
            y=y,
            color=alt.Color("step:N", scale=colors, sort=None, legend=legend),
            order="order:Q",
        )
        .properties(width=WIDTH if rows is None else WIDTH - 120, height=alt.Step(24))
    )


def _frame(rows: Sequence[tuple[object, ...]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame([tuple(map(_writable, row)) for row in rows], columns=columns)


def _writable(value: Any) -> Any:
    return UNWRITABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _svg(chart: Drawing) -> str:
    """Draw a chart. Each mark's label for screen readers is also its tooltip."""
    chart = chart.configure(background="transparent", font=FONT, padding=12)
    chart = chart.configure_view(stroke=None).configure_axis(
        labelColor=INK,
        titleColor=INK,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        domainColor=SOFT,
        tickColor=SOFT,
        gridColor=LINE,
        labelLimit=140,
        titlePadding=10,
    )
    chart = chart.configure_legend(labelColor=INK, labelFontSize=12, labelLimit=200)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=VEGA_LITE))
    for mark in list(root.iter()):
        guide = mark.get("aria-roledescription") in ("axis", "legend")
        if mark.get("role") == "graphics-symbol" and not guide:
            tooltip = ElementTree.SubElement(mark, f"{{{SVG}}}title")
            tooltip.text = mark.get("aria-label")
    return ElementTree.tostring(root, encoding="unicode")
