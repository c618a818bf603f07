"""What other systems receive of a run's progress."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from semscore.jobs.dataset.upcoming import Upcoming
from semscore.jobs.hosts import inside_job
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.run.progress import Progress
from semscore.jobs.telemetry import cloudwatch
from semscore.jobs.telemetry.cloudwatch import line
from semscore.jobs.telemetry.registry import exporting
from semscore.jobs.telemetry.stalls import STALL_S
from semscore.jobs.telemetry.table import METRICS
from tests.services.otlp import Receiver, receiving

FACTS: dict[str, Any] = {
    **{metric.fact: place for place, metric in enumerate(METRICS, 1)},
    "cost": None,
    "idle_s": 0,
    "state": "running",
}
CONF = Path(__file__).parents[3] / "conf"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
CLOUDWATCH_UNITS = {"Count", "Count/Second", "Seconds", "None"}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.endpoint)
        yield server


def test_every_metric_is_a_fact_of_a_run() -> None:
    facts = Progress(Committed([]), Upcoming((), 0)).facts("running")
    assert {metric.fact for metric in METRICS} <= facts.keys()


def test_a_collector_receives_the_last_facts(receiver: Receiver) -> None:
    with exporting("s3://lake/scored", "run-1") as export:
        export(FACTS | {"rows": 5})
        export(FACTS | {"rows": 7, "rows_per_s": 2.5})
    points = receiver.gauges
    assert points["semscore.rows"].as_int == 7
    assert points["semscore.row.rate"].as_double == 2.5
    assert "semscore.cost" not in points, "no price is known"
    [attribute] = points["semscore.rows"].attributes
    assert (attribute.key, attribute.value.string_value) == ("semscore.output", "s3://lake/scored")
    about = {
        one.key: one.value.string_value
        for one in receiver.received[-1].resource_metrics[0].resource.attributes
    }
    assert (about["service.name"], about["service.instance.id"]) == ("semscore", "run-1")


def test_a_dead_collector_delays_the_end_by_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    began = monotonic()
    with exporting("out", "run-1") as export:
        export(FACTS)
    assert monotonic() - began < 15


def test_without_the_library_a_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    with exporting("out", "run-1") as export:
        export(FACTS)
    own = [record.getMessage() for record in caplog.records if record.name == "semscore"]
    assert own == [
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no metrics are sent, because "
        "opentelemetry.sdk.metrics is not installed; pip install 'semscore[otel]'"
    ]


def test_a_variable_that_the_library_refuses_is_a_warning(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-5")
    with exporting("out", "run-1") as export:
        export(FACTS)
    [own] = [record.getMessage() for record in caplog.records if record.name == "semscore"]
    assert own.startswith(
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no metrics are sent, because OpenTelemetry "
        "refuses a variable (OTEL_…): interval value -5.0"
    )
    assert receiver.received == []


def test_a_job_prints_a_line_a_minute_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inside_job, "is_inside", lambda: True)
    now = [0.0]
    monkeypatch.setattr(cloudwatch, "monotonic", lambda: now[0])
    with exporting("s3://lake/scored", "run-1") as export:
        for rows in range(13):
            now[0] += 10
            export(FACTS | {"rows": rows})
        export(FACTS | {"rows": 13, "state": "complete"})
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(one["rows"], one["state"]) for one in lines] == [
        (5, "running"),
        (11, "running"),
        (13, "complete"),
    ]


def test_a_line_has_the_embedded_metric_format() -> None:
    """Each name in the directive is a member of the line: a number, or a text if a dimension."""
    written = json.loads(line("s3://lake/scored", FACTS | {"cost": 1.5}, 1_700_000_000.5))
    about = written["_aws"]
    [directive] = about["CloudWatchMetrics"]
    assert about["Timestamp"] == 1_700_000_000_500
    assert directive["Namespace"] == "semscore"
    assert directive["Dimensions"] == [["output"]]
    assert isinstance(written["output"], str)
    assert len(directive["Metrics"]) == len(METRICS)
    for metric in directive["Metrics"]:
        assert isinstance(written[metric["Name"]], int | float)
        assert metric["Unit"] in CLOUDWATCH_UNITS


def test_a_stall_is_said_every_ten_minutes_until_rows_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    with exporting("out", "run-1") as export:
        for idle in (0, STALL_S - 1, STALL_S, STALL_S + 10, 2 * STALL_S, 3, 0, STALL_S + 60):
            export(FACTS | {"idle_s": idle, "rows": 2000, "rows_total": 4000})
        export(FACTS | {"state": "stopped"})
    assert [message.partition(",")[0] for message in caplog.messages] == [
        "stalled: no row has been scored for 10 min",
        "stalled: no row has been scored for 20 min",
        "rows are being scored again",
        "stalled: no row has been scored for 11 min",
    ]
    assert caplog.records[0].__dict__["event"] == "stall"


def test_the_dashboard_shows_metrics_that_exist() -> None:
    """Named as Prometheus names what arrives by OTLP.

    https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
    """
    endings = {"s": "_seconds", "{row}/s": "_per_second", "{token}/s": "_per_second"}
    known = {
        f"semscore_{metric.otel.replace('.', '_')}{endings.get(metric.unit, '')}"
        for metric in METRICS
    }
    dashboard = json.loads((CONF / "grafana/semscore.json").read_text("utf-8"))
    shown = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            names = re.findall(r"\bsemscore_\w+(?=\{)", target["expr"])
            assert names, target
            shown.update(names)
    assert shown <= known
