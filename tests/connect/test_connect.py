"""Columns through Spark Connect, from a client that has its own model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from semscore.udfs.models.model_hash import content_files

pytestmark = pytest.mark.connect

SCRIPT = """
import shutil, sys
from pathlib import Path

from pyspark.sql import SparkSession
from semscore import Recipe, UserError, choose_precision, embed, register, similarity

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
rows = [(1, "rain", "rain"), (2, "rain", "a stock market"), (3, None, "x")]
pairs = spark.createDataFrame(rows, "id int, text1 string, text2 string")
for wrong in (Recipe(model="model", label="x"), Recipe(model="model", precision="auto")):
    try:
        similarity("text1", "text2", wrong)
    except UserError as error:
        print(str(error).partition(" ")[0])
column = similarity("text1", "text2", "model")
register(spark, "similar", "model")
recipe = choose_precision(pairs, Recipe(model="model"))
vectors = embed("text1", recipe)
shutil.rmtree("model")  # the server has a copy

scored = pairs.withColumn("s", column)
print(scored.columns, pairs.select(column).columns)
for row in scored.orderBy("id").collect():
    print(row.id, row.s.score and round(row.s.score, 2), row.s.status)
pairs.createOrReplaceTempView("pairs")
print(spark.sql("SELECT id FROM pairs WHERE similar(text1, text2).score > 0.9").collect())
print(len(pairs.select(vectors.alias("e")).first().e.embedding))
print("torch" in sys.modules, "py4j" in sys.modules)
"""


@pytest.fixture
def folder(tmp_path: Path, model_folder: Path) -> Path:
    for file in content_files(model_folder):
        copy = tmp_path / "model" / file.relative_to(model_folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    return tmp_path


def test_columns_through_connect(server: str, folder: Path) -> None:
    python = os.environ.get("SEMSCORE_CLIENT_PYTHON", sys.executable)
    done = subprocess.run(
        [python, "-c", SCRIPT, server],
        cwd=folder,
        # pyspark-client 4.2.0 looks for a whole Spark when it is imported, unless this is set.
        env={**os.environ, "SPARK_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    *before, modules = done.stdout.splitlines()
    assert before == [
        "Recipe.label",
        "Recipe.precision",
        "['id', 'text1', 'text2', 's'] ['similarity(text1, text2)']",
        "1 1.0 ok",
        before[4],
        "3 None null",
        "[Row(id=1)]",
        "384",
    ]
    number, score, status = before[4].split()
    assert (number, status) == ("2", "ok") and float(score) < 0.5
    assert modules.startswith("False")
