"""A real Spark Connect server on this machine, with an executor in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from semscore.jobs.spark.java import java_home
from tests.services.waiting import wait_for

ROOT = Path(__file__).parents[2]
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
STARTED = "Spark Connect server started at"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose Python is `SEMSCORE_SERVER_PYTHON`, else this one."""
    python = Path(os.environ.get("SEMSCORE_SERVER_PYTHON", ROOT / ".venv/bin/python"))
    find = "import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)"
    home = subprocess.run([python, "-c", find], check=True, capture_output=True, text=True)
    spark, folder = Path(home.stdout.strip()), tmp_path_factory.mktemp("server")
    jars = ",".join(map(str, (ROOT / "build/connect").glob("*.jar")))  # Spark 4 has its own
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(spark / "bin/spark-submit", "--master", "local-cluster[1,2,2048]", "--class", SERVER),
        *("--conf", f"spark.connect.grpc.binding.port={port}"),
        *("--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1"),
        *("--conf", "spark.ui.enabled=false", "--conf", "spark.sql.shuffle.partitions=2"),
        *(("--jars", jars) if not list((spark / "jars").glob("spark-connect_*")) else ()),
        "spark-internal",
    ]
    environment = {
        **os.environ,
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark),
        "PYSPARK_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=written, stderr=written
        )
    try:
        wait_for(lambda: STARTED in log.read_text(errors="replace"), f"the server, see {log}")
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
