"""All places to which a run's metrics go, and when they do."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from semscore.jobs.hosts import inside_job
from semscore.jobs.telemetry.cloudwatch import to_log
from semscore.jobs.telemetry.otel import to_collector
from semscore.jobs.telemetry.stalls import Stalls
from semscore.jobs.telemetry.table import Export, Facts

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")

log = logging.getLogger("semscore")


@contextmanager
def exporting(output: str, run: str) -> Iterator[Export]:
    """Yield a function that exports facts within the block. `run`: its id.

    They go to OpenTelemetry's collector if one of its variables names one, and to the log of a
    processing job for CloudWatch. Stalls are logged everywhere.
    """
    exports: list[Export] = [Stalls().look]
    with ExitStack() as open_until_the_end:
        if named := next((name for name in ENDPOINTS if os.environ.get(name)), None):
            try:
                exports.append(open_until_the_end.enter_context(to_collector(output, run)))
            except ModuleNotFoundError as error:
                log.warning(
                    "%s is set, but no metrics are sent, because %s is not installed; pip install "
                    "'semscore[otel]'",
                    named,
                    error.name,
                )
            except ValueError as error:
                said = " ".join(str(error).split())
                log.warning(
                    "%s is set, but no metrics are sent, because OpenTelemetry refuses a variable "
                    "(OTEL_…): %s",
                    named,
                    said,
                )
        if inside_job.is_inside():
            exports.append(open_until_the_end.enter_context(to_log(output)))

        def export(facts: Facts) -> None:
            for one in exports:
                one(facts)

        yield export
