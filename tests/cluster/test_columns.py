"""Columns in a classic session whose executors are other processes: they get the driver's model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semscore.udfs.models.model_hash import content_files

pytestmark = pytest.mark.cluster

SCRIPT = """
import shutil, sys

from pyspark.sql import SparkSession
from semscore import choose_precision, similarity

spark = SparkSession.builder.master(sys.argv[1]).getOrCreate()
rows = [(1, "rain", "rain"), (2, None, "x")]
pairs = spark.createDataFrame(rows, "id int, text1 string, text2 string")
recipe = choose_precision(pairs, "model")
column = similarity("text1", "text2", recipe)
shutil.rmtree("model")  # the executors have a copy
for row in pairs.select("id", column.alias("s")).orderBy("id").collect():
    print(row.id, row.s.score and round(row.s.score, 2), row.s.status)
"""


def test_executors_get_the_drivers_model(cluster: Any, tmp_path: Path, model_folder: Path) -> None:
    for file in content_files(model_folder):
        copy = tmp_path / "model" / file.relative_to(model_folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    environment = {**os.environ, **cluster.environment, "SPARK_LOCAL_IP": "127.0.0.1"}
    cluster.heal()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, cluster.url],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1 1.0 ok", "2 None null"]
