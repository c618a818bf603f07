"""The report as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from semscore.jobs.reporting.charts import draw_all
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.gold import Gold
from semscore.jobs.reporting.spent import STEPS
from semscore.jobs.reporting.verdicts import advice, money, verdicts
from semscore.udfs.pairs.statuses import TABLE

TEMPLATE = "report.html"
MEANINGS = "; ".join(f"{status.name}: {status.meaning}" for status in TABLE) + "."
Row = Sequence[object]


def render(facts: Facts) -> str:
    """The page; all that comes from the data is escaped."""
    # Strings from data reach the page only through this environment, which escapes them.
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
    seen = _of_seen(facts)
    gold = facts.gold
    return {
        "statuses": [
            (name, f"{rows:,}", f"{audit.share(name):.1%}") for name, rows in audit.statuses.items()
        ],
        "score_note": "of all scored pairs" if facts.scores_of_all else seen,
        "score_rows": [(f"{b.low:.3g}, {b.high:.3g}", f"{b.pairs:,}") for b in facts.scores],
        "partition_note": f"{seen}: thin, from 5 to 95 % of the scored pairs; thick, the middle "
        "half; a line, the median",
        "partition_rows": [
            (p.name, f"{p.rows:,}", f"{p.seen:,}", *(f"{q:.3f}" for q in p.quantiles))
            for p in facts.partitions
        ],
        "gold_note": gold and _gold_note(gold, seen),
        "failed_rows": [
            *((file["path"], file["reason"]) for file in audit.skipped),
            *((unit["what"], unit["reason"]) for unit in audit.failed),
        ],
        "pairs_note": f"Sorted by score, {seen}; long texts are cut here.",
        "names": facts.what.columns,
        "samples": [
            (_where(where), list(pairs))
            for where, pairs in groupby(facts.samples or (), lambda pair: pair.where)
        ],
    }


def _time(facts: Facts) -> dict[str, Any]:
    time, speed = facts.spent, facts.speed
    return {
        "spent_note": f"{facts.what.slots:,} workers at once, {_duration(time.total)} together; "
        "they read and tokenise beside the model, and wait only if that is slower",
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
        "rate_note": f"{speed.pairs_per_s:,.1f} on average over {_duration(speed.scoring_s)}; a "
        "unit's rows are spread evenly over its time",
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
    return {
        "text_rows": [
            ("texts of pairs that have two", f"{texts.texts:,}"),
            ("of these embedded", f"{texts.distinct:,}"),
            ("repeats of a text nearby, not embedded again", f"{texts.repeats:.1%}"),
            ("which saved a worker about", _duration(facts.speed.saved_s)),
            ("tokens read", f"{texts.tokens:,}"),
            ("tokens of a text, on average", f"{texts.tokens / max(texts.distinct, 1):.1f}"),
            ("padding in what the model read", f"{texts.padding:.1%}"),
            ("pairs with a text longer than the model reads", f"{cut:.1%}"),
        ],
        "length_rows": [(name, f"{n:,}") for name, n in texts.named_lengths],
    }


def _what(facts: Facts) -> list[Row]:
    what, speed, cost = facts.what, facts.speed, facts.cost
    recipe = {name: value for name, value in what.recipe.items() if value is not None}
    rows: list[Row] = [
        ("input", ", ".join(what.input)),
        ("output", what.output),
        ("files", f"{facts.audit.files:,}, {facts.audit.bytes / 1e6:,.1f} MB"),
        *recipe.items(),
        ("why this precision", what.precision),
        ("fingerprint", what.fingerprint),
        ("the model's content (SHA-256)", what.model_sha256),
        ("hardware of a worker", ", ".join(what.hardware)),
        ("workers at once", f"{what.slots:,}"),
        ("hosts", f"{what.hosts:,}"),
        ("Spark master", what.master),
        ("runs that took part", f"{what.runs:,}"),
        ("time of all runs, from their begin", _duration(speed.run_s)),
        ("of that from the first unit to the last", _duration(speed.scoring_s)),
        ("operations", f"{speed.flop / 1e12:,.2f} TFLOP, padding left out"),
        ("a worker's speed while it ran the model", _gflop(speed.worker_flop_per_s)),
        ("the speed of all, over the time of scoring", _gflop(speed.flop_per_s)),
        ("host-hours", f"{cost.host_hours:,.3f}"),
    ]
    if cost.cost is not None and cost.per_million_pairs is not None:
        rows.append(("cost", f"{money(cost.cost)}, at {cost.price:,g} for a host and an hour"))
        rows.append(("cost of a million pairs", money(cost.per_million_pairs)))
    return [*rows, ("versions", ", ".join(f"{k} {v}" for k, v in what.versions.items()))]


def _gold_note(gold: Gold, seen: str) -> str:
    if gold.spearman is None or gold.pearson is None:
        return f"no correlation: {gold.reason}"
    return (
        f"Spearman {gold.spearman:.3f}, Pearson {gold.pearson:.3f} over {gold.pairs:,} graded "
        f"pairs {seen}"
    )


def _gflop(flop_per_s: float) -> str:
    return f"{flop_per_s / 1e9:,.1f} GFLOP/s"


def _of_seen(facts: Facts) -> str:
    if facts.rows_seen >= facts.audit.rows_out:
        return "of all rows"
    return f"of {facts.rows_seen:,} rows from all over, not a random sample"


def _where(where: str) -> str:
    titles = {"top": "Highest scores", "middle": "In the middle", "bottom": "Lowest scores"}
    return titles.get(where, f"Status {where}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return str(timedelta(seconds=round(seconds)))
