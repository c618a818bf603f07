"""A run is logged to MLflow where its variable says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from semscore.jobs.telemetry.mlflow_run import track
from semscore.udfs.stores.local_folder import LocalFolder

RECORD: dict[str, Any] = {
    "run": "r1",
    "input": ["a", "b"],
    "recipe": {"model": "models:/pairs@champion", "revision": "3", "precision": "float32"},
    "model_sha256": "abc",
    "fingerprint": "def",
    "versions": {"semscore": "0.1"},
}
FACTS = {"rows": 7, "rows_per_s": 2.5, "cost": None, "state": "complete"}


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    (tmp_path / "out/_semscore").mkdir(parents=True)
    (tmp_path / "out/_semscore/run.json").write_text(json.dumps(RECORD))
    return LocalFolder(str(tmp_path / "out"))


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri(None)
    yield mlflow.MlflowClient()
    mlflow.end_run()


def test_options_figures_and_records_are_logged(
    client: mlflow.MlflowClient, output: LocalFolder
) -> None:
    track(output, FACTS)
    [run] = client.search_runs(["0"])
    assert run.info.run_name == "semscore r1"
    assert run.info.status == "FINISHED"
    assert run.data.params["semscore.revision"] == "3"
    assert run.data.params["semscore.input"] == "a, b"
    assert run.data.metrics == {"rows": 7, "rows_per_s": 2.5}
    assert run.data.tags["semscore.state"] == "complete"
    [artifact] = client.list_artifacts(run.info.run_id, "semscore")
    assert artifact.path == "semscore/run.json", "there is no report"


def test_an_active_run_is_used_and_stays_active(
    client: mlflow.MlflowClient, output: LocalFolder
) -> None:
    with mlflow.start_run() as mine:
        track(output, FACTS)
        assert mlflow.active_run().info.run_id == mine.info.run_id
    [run] = client.search_runs(["0"])
    assert run.info.run_id == mine.info.run_id
    assert run.data.metrics["rows"] == 7


def test_a_failure_is_only_logged(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://x")
    mlflow.set_tracking_uri(None)
    track(output, FACTS)
    [message] = caplog.messages
    assert message.startswith("the run could not be logged to MLflow (MLFLOW_TRACKING_URI): ")


def test_without_mlflow_a_warning_says_what_to_install(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    track(output, FACTS)
    [message] = caplog.messages
    assert message.endswith("pip install 'semscore[mlflow]'")


def test_without_the_variable_nothing_happens(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    track(output, FACTS)
