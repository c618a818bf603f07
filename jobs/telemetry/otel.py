"""Metrics for an OpenTelemetry collector, by OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from semscore.jobs.telemetry.table import METRICS, Export, Facts, values
from semscore.udfs.version import __version__

PREFIX = "semscore."
END_MS = 5_000  # for the last export, so that a dead collector does not delay the end of a run


@contextmanager
def to_collector(output: str, run: str) -> Iterator[Export]:
    """Export facts within the block, and the last ones at its end.

    The SDK reads its own variables: OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS say where to,
    OTEL_METRIC_EXPORT_INTERVAL how often (milliseconds; by default, every minute), and
    OTEL_RESOURCE_ATTRIBUTES adds attributes. A collector that cannot be reached never ends a run.
    Raises ModuleNotFoundError if the SDK is not installed, and ValueError if it refuses the value
    of a variable.
    """
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    latest: dict[str, float] = {}
    attributes = {"semscore.output": output}

    def observed(fact: str) -> Any:
        def observe(_: CallbackOptions) -> Sequence[Observation]:
            return [Observation(latest[fact], attributes)] if fact in latest else []

        return observe

    resource = Resource.create(
        {"service.name": "semscore", "service.version": __version__, "service.instance.id": run}
    )
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter("semscore", __version__)
    for metric in METRICS:
        meter.create_observable_gauge(
            PREFIX + metric.otel, [observed(metric.fact)], metric.unit, metric.description
        )

    def export(facts: Facts) -> None:
        latest.update(values(facts))

    try:
        yield export
    finally:
        provider.shutdown(END_MS)
