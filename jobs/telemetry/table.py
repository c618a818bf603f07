"""The table of metrics: which facts of progress.json are exported, with their units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

Facts: TypeAlias = dict[str, Any]  # as in progress.json
Export: TypeAlias = Callable[[Facts], None]


class Metric(NamedTuple):
    """A fact that is exported. It is a gauge: the latest value counts."""

    fact: str  # its name in progress.json and in CloudWatch
    otel: str  # its name in OpenTelemetry, after `semscore.`
    unit: str  # in UCUM, as OpenTelemetry requires
    description: str


METRICS = (
    Metric("rows", "rows", "{row}", "rows scored, including those of running units"),
    Metric("rows_total", "rows.total", "{row}", "rows of the complete dataset, as far as known"),
    Metric("rows_per_s", "row.rate", "{row}/s", "rows per second of this run"),
    Metric("tokens", "tokens", "{token}", "tokens that this run has read"),
    Metric("tokens_per_s", "token.rate", "{token}/s", "tokens per second of this run"),
    Metric("errors", "errors", "{row}", "rows on which the model failed"),
    Metric("units_done", "units.done", "{unit}", "committed units of work"),
    Metric("units_failed", "units.failed", "{unit}", "units and files that were set aside"),
    Metric("workers", "workers", "{worker}", "Python workers"),
    Metric("cost", "cost", "{currency}", "cost of the dataset's runs so far"),
    Metric("eta_s", "eta", "s", "seconds left, at the current speed"),
    Metric("idle_s", "idle", "s", "seconds since the last row was scored"),
)


def values(facts: Facts) -> dict[str, float]:
    """Return the values of the metrics that are known, by their names in progress.json.

    The cost is known if --price is given, and the speed when the first rows have come.
    """
    return {
        metric.fact: facts[metric.fact] for metric in METRICS if facts.get(metric.fact) is not None
    }
