"""Metrics for CloudWatch: lines in its embedded metric format, in the log of a processing job."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, time

from semscore.jobs.telemetry.table import METRICS, Export, Facts, Metric, values

EVERY_S = 60.0
NAMESPACE = "semscore"
UNITS = {"s": "Seconds", "{currency}": "None"}  # CloudWatch's, by those of the table


@contextmanager
def to_log(output: str) -> Iterator[Export]:
    """Print a line every minute within the block, and one at its end.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html
    """
    latest: Facts = {}
    printed_at = monotonic()

    def export(facts: Facts) -> None:
        nonlocal printed_at
        latest.update(facts)
        if monotonic() - printed_at >= EVERY_S:
            printed_at = monotonic()
            _print(output, latest)

    try:
        yield export
    finally:
        if latest:
            _print(output, latest)


def _print(output: str, facts: Facts) -> None:
    """Print one line at once, so that no other output can come between its parts."""
    sys.stdout.write(line(output, facts, time()) + "\n")
    sys.stdout.flush()


def line(output: str, facts: Facts, at: float) -> str:
    """Return the facts in the embedded metric format. `at`: seconds since 1970.

    Its one dimension is OUTPUT: the metrics of all runs of a dataset are one series, and CloudWatch
    does not charge for new metrics with each job.
    """
    known = values(facts)
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["output"]],
        "Metrics": [
            {"Name": metric.fact, "Unit": _unit(metric)}
            for metric in METRICS
            if metric.fact in known
        ],
    }
    about = {"Timestamp": round(at * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": about, "output": output, "state": facts["state"], **known})


def _unit(metric: Metric) -> str:
    """Return the unit of a metric as CloudWatch names it."""
    return UNITS.get(metric.unit) or ("Count/Second" if metric.unit.endswith("/s") else "Count")
