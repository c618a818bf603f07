"""Render the report as a single HTML page that needs no other files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from semscore.jobs.failures.wording import counted
from semscore.jobs.gold.agreement import Gold
from semscore.jobs.gold.table import HEADERS, cells, notes
from semscore.jobs.reporting.charts import draw_all
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.spent import STEPS
from semscore.jobs.reporting.verdicts import advice, money, verdicts
from semscore.udfs.recipe import described_model, described_score, item
from semscore.udfs.statuses import TABLE

TEMPLATE = "report.html"
SHOWN_POINTS = 40  # of the curve of precision and recall, in its table
MEANINGS = "; ".join(f"{status.name}: {status.meaning}" for status in TABLE) + "."
Row = Sequence[object]


def render(facts: Facts) -> str:
    """Return the page as HTML. Everything that comes from the data is escaped."""
    # Strings from the data reach the page only through this environment, which escapes them.
    pages = Environment(loader=PackageLoader("semscore.jobs.reporting", "."), autoescape=True)
    charts = {name: Markup(svg) for name, svg in draw_all(facts).items()}
    return pages.get_template(TEMPLATE).render(
        facts=facts,
        charts=charts,
        verdicts=verdicts(facts),
        advice=advice(facts),
        meanings=MEANINGS,
        sections=_sections(facts),
        steps=list(STEPS.values())[:-1],
        **_rows(facts),
        **_time(facts),
        **_texts(facts),
        what_rows=_what(facts),
    )


def _sections(facts: Facts) -> list[tuple[str, str]]:
    pairs = [("pairs", "Pairs")] if facts.samples else []
    return [("rows", "Rows"), ("time", "Time"), ("texts", "Texts"), *pairs, ("what", "What ran")]


def _rows(facts: Facts) -> dict[str, Any]:
    audit = facts.audit
    read = _rows_read(facts)
    gold = facts.gold
    return {
        "statuses": [
            (name, f"{rows:,}", f"{audit.share(name):.1%}") for name, rows in audit.statuses.items()
        ],
        "score_note": "all scored pairs" if facts.scores_of_all else read,
        "score_rows": [(f"{b.low:.3g}, {b.high:.3g}", f"{b.pairs:,}") for b in facts.scores],
        "partition_note": f"{read}. Thin line: 5th to 95th percentile of the scores; thick "
        "bar: 25th to 75th percentile; tick: median",
        "partition_rows": [
            (p.name, f"{p.rows:,}", f"{p.seen:,}", *(f"{q:.3f}" for q in p.quantiles))
            for p in facts.partitions
        ],
        "gold_note": gold and _gold_note(gold),
        **_thresholds(gold),
        "failed_rows": [
            *((file["path"], file["reason"]) for file in audit.skipped),
            *((unit["what"], unit["reason"]) for unit in audit.failed),
        ],
        "pairs_note": f"Examples sorted by score, {read}. Long texts are shortened here.",
        "names": facts.what.columns,
        "samples": [
            (_where(where), list(pairs))
            for where, pairs in groupby(facts.samples or (), lambda pair: pair.where)
        ],
    }


def _thresholds(gold: Gold | None) -> dict[str, Any]:
    if gold is None or gold.curve is None:
        return {"threshold_rows": []}
    points = gold.curve.points
    return {
        "curve_note": f"of pairs with at least this score; {counted(gold.used, 'labelled pair')}, "
        f"average precision {gold.curve.average_precision:.3f}",
        "curve_rows": [
            (f"{threshold:.4g}", f"{precision:.3f}", f"{recall:.3f}")
            for threshold, precision, recall in points[:: max(len(points) // SHOWN_POINTS, 1)]
        ],
        "threshold_headers": HEADERS,
        "threshold_rows": [cells(choice) for choice in gold.curve.choices],
        "threshold_note": " ".join(notes(gold)),
    }


def _time(facts: Facts) -> dict[str, Any]:
    time, speed = facts.spent, facts.speed
    return {
        "spent_note": f"{counted(facts.what.slots, 'parallel worker')}, {_duration(time.total)} in "
        "total; a separate thread reads and tokenises, and a worker waits only if that is slower "
        "than the model",
        "spent_rows": [
            (text, f"{time.seconds[step]:,.1f}", f"{time.share(step):.1%}")
            for step, text in STEPS.items()
        ],
        "worker_rows": [
            (
                w.name,
                f"{w.rows:,}",
                *(f"{seconds:,.1f}" for seconds in w.seconds.values()),
            )
            for w in time.workers
        ],
        "device_note": f"{counted(facts.what.slots, 'task')} could run at once. "
        f"{counted(len(time.workers), 'worker')} had rows; a device without a worker is not listed",
        "device_rows": [
            (
                f"{each.host} {each.device}",
                f"{each.workers:,}",
                f"{each.rows:,}",
                f"{each.busy:.0%}",
            )
            for each in time.devices
        ],
        "interruption_note": "An interruption costs each slot at most the time of the longest "
        f"unit, {_duration(speed.longest_unit_s)}: units that are not committed yet are scored "
        "again.",
        "rate_note": f"{speed.pairs_per_s:,.1f} on average over {_duration(speed.scoring_s)}; the "
        "rows of a unit are spread evenly over its time",
        "rate_rows": [
            (f"{rate.from_s:.1f}, {rate.to_s:.1f}", f"{rate.rows_per_s:,.1f}")
            for rate in facts.rates
        ],
        "unit_rows": [
            (unit.id, f"{unit.began_s:,.1f}", f"{unit.ended_s:,.1f}", f"{unit.rows:,}")
            for unit in facts.units
        ],
        "slowest_rows": [
            (
                unit.id,
                f"{unit.rows:,}",
                f"{unit.ended_s - unit.began_s:,.1f}",
                f"{unit.rows_per_s:,.1f}",
                ", ".join(unit.first_files)
                + (f" and {unit.files - len(unit.first_files):,} more" if unit.files > 3 else ""),
            )
            for unit in facts.slowest
        ],
    }


def _texts(facts: Facts) -> dict[str, Any]:
    texts, cut = facts.texts, facts.audit.share("truncated")
    what = item(facts.what.recipe)
    first = "pairs with two texts" if what == "pair" else "texts in pairs with two texts"
    cut_off = "pairs with a text longer than the model reads"
    if facts.what.embeds:
        first, cut_off = "texts that are not empty", "texts that are longer than the model reads"
    return {
        "item": what,
        "text_rows": [
            (first, f"{texts.texts:,}"),
            ("of these, run through the model", f"{texts.distinct:,}"),
            *([("found in the vector store", f"{texts.stored:,}")] if texts.stored else []),
            (f"{what}s that were not run again", f"{texts.repeats:.1%}"),
            ("time that this saved one worker, about", _duration(facts.speed.saved_s)),
            ("tokens read", f"{texts.tokens:,}"),
            (f"tokens per {what}, on average", f"{texts.tokens / max(texts.distinct, 1):.1f}"),
            ("share of padding in what the model read", f"{texts.padding:.1%}"),
            (cut_off, f"{cut:.1%}"),
        ],
        "length_rows": [(name, f"{n:,}") for name, n in texts.named_lengths],
    }


def _what(facts: Facts) -> list[Row]:
    what, speed, cost = facts.what, facts.speed, facts.cost
    recipe = {name: value for name, value in what.recipe.items() if value is not None}
    recipe["model"] = described_model(what.recipe["model"])
    recipe["score"] = described_score(what.recipe)
    if what.embeds:
        recipe["embedded columns"] = ", ".join(what.embeds)
        del recipe["score"]
    if what.embeds or recipe.get("kind", "bi-encoder") != "bi-encoder":
        recipe.pop("metric", None)
    rows: list[Row] = [
        ("input", ", ".join(what.input)),
        ("output", what.output),
        ("files", f"{facts.audit.files:,}, {facts.audit.bytes / 1e6:,.1f} MB"),
        *recipe.items(),
        ("reason for this precision", what.precision),
        ("fingerprint", what.fingerprint),
        ("SHA-256 of the model's content", what.model_sha256),
        ("hardware of the workers", ", ".join(what.hardware)),
        ("parallel workers", f"{what.slots:,}"),
        ("hosts", f"{what.hosts:,}"),
        ("Spark master", what.master),
        *((f"SageMaker job: {name}", value) for name, value in what.job.items()),
        ("runs that scored rows", f"{what.runs:,}"),
        ("time of all runs, each from its start", _duration(speed.run_s)),
        ("of this, from the first unit to the last", _duration(speed.scoring_s)),
        ("operations", f"{speed.flop / 1e12:,.2f} TFLOP, without padding"),
        ("speed of one worker while it ran the model", _gflop(speed.worker_flop_per_s)),
        ("speed of all workers over the time of scoring", _gflop(speed.flop_per_s)),
        ("host-hours", f"{cost.host_hours:,.3f}"),
    ]
    if cost.cost is not None and cost.per_million_pairs is not None:
        rows.append(("cost", f"{money(cost.cost)}, at {cost.price:,g} per host and hour"))
        rows.append((f"cost per million {what.rows}", money(cost.per_million_pairs)))
    return [*rows, ("versions", ", ".join(f"{k} {v}" for k, v in what.versions.items()))]


def _gold_note(gold: Gold) -> str:
    if gold.spearman is None or gold.pearson is None:
        return f"no correlation: {gold.reason}"
    note = (
        f"Spearman {gold.spearman:.3f}, Pearson {gold.pearson:.3f} over "
        f"{counted(gold.used, 'labelled pair')}"
    )
    return f"{note}; {gold.no_curve}" if gold.no_curve else note


def _gflop(flop_per_s: float) -> str:
    return f"{flop_per_s / 1e9:,.1f} GFLOP/s"


def _rows_read(facts: Facts) -> str:
    if facts.rows_seen >= facts.audit.rows_out:
        return "from all rows"
    return f"from {facts.rows_seen:,} rows spread over the output, not a random sample"


def _where(where: str) -> str:
    titles = {"top": "Highest scores", "middle": "Middle scores", "bottom": "Lowest scores"}
    return titles.get(where, f"Status {where}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return str(timedelta(seconds=round(seconds)))
