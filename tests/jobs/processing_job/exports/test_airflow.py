"""The DAG in a real Airflow, in an environment of its own: imported, rendered, and its task run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
AIRFLOW = ROOT / "build" / "airflow" / "bin" / "python"
pytestmark = pytest.mark.exports


def test_the_dag_runs_and_resumes(exported: Callable[..., str], tmp_path: Path) -> None:
    assert AIRFLOW.is_file(), "make build/airflow/ready installs Airflow"
    dags = tmp_path / "dags"
    dags.mkdir()
    options = ("--max-rounds", "4", "--schedule", "0 2 * * *", "--region", "eu-central-1")
    (dags / "score.py").write_text(exported("airflow", *options), "utf-8")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    script = Path(__file__).with_name("in_airflow.py")
    done = subprocess.run(
        [str(AIRFLOW), str(script), str(dags / "score.py")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["schedule"] == "0 2 * * *"
    assert seen["retries"] == 3
    assert seen["deferred_by"] == "SageMakerTrigger"
    first, second = seen["created"]
    assert first.endswith("-1") and second.endswith("-2"), "each try has a job of its own"
    assert first[:-1] == second[:-1]
    assert seen["arguments"][:2] == ["s3://input/2026-01-02", "s3://output/scored"]
    assert seen["after"] == {
        "75": "again",
        "2": "final",
        "unknown": "final",
        "stopped": "final",
        "lost trigger, 75": "again",
        "complete": "done",
    }
