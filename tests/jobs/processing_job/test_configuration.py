"""configuration.json: golden files, YARN's arithmetic, keys that Spark and YARN know."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pyspark
import pytest

from semscore.jobs.hosts.instances import find_host
from semscore.jobs.hosts.sizing import size
from semscore.jobs.processing_job.configuration import configuration
from semscore.jobs.spark.java import java_home
from semscore.udfs.errors import UserError

GOLDEN = Path(__file__).with_name("golden")
JARS = Path(pyspark.__file__).parent / "jars"
# type, count, workers per GPU, executors on each
CLUSTERS = [
    ("ml.g4dn.xlarge", 1, 1, 1),
    ("ml.g4dn.12xlarge", 2, 1, 4),
    ("ml.g5.48xlarge", 4, 2, 8),
    ("ml.m5.4xlarge", 3, 1, 3),
    ("ml.p3.16xlarge", 50, 1, 8),
]
# What our image's container takes; others end the job.
ALLOWED = {"core-site", "spark-defaults", "spark-env", "spark-log4j", "yarn-env", "yarn-site"}


def make(kind: str, count: int, workers: int, **given: object) -> dict[str, dict[str, str]]:
    executors = size(find_host(kind), count, workers, "sagemaker")
    made = configuration(executors, "us-east-1", **given)  # type: ignore[arg-type]
    return {each["Classification"]: each["Properties"] for each in made}


def mib(text: str) -> int:
    """Spark's `3g` or `640m` in MiB."""
    return int(text[:-1]) * {"g": 1024, "m": 1}[text[-1]]


@pytest.mark.parametrize(("kind", "count", "workers", "_"), CLUSTERS)
def test_golden_files(kind: str, count: int, workers: int, _: int) -> None:
    """Changed on purpose? `semscore launch … --dry-run` prints what they are to be."""
    golden = json.loads((GOLDEN / f"{kind}-x{count}.json").read_text("utf-8"))
    made = make(kind, count, workers)
    assert [each["Classification"] for each in golden] == list(made)
    assert {each["Classification"]: each["Properties"] for each in golden} == made


@pytest.mark.parametrize(("kind", "count", "workers", "per_host"), CLUSTERS)
def test_yarn_places_one_executor_for_each_gpu_and_no_more(
    kind: str, count: int, workers: int, per_host: int
) -> None:
    """DominantResourceCalculator places a container where memory, vcores and gpu all suffice.

    A container's memory is heap and overhead, rounded up to the least allocation. The application
    master has one container too, on a node that nobody chooses, so it must fit beside the
    executors of any of them; the driver runs outside of YARN, beside the first node's.
    """
    conf = make(kind, count, workers)
    spark, yarn = conf["spark-defaults"], conf["yarn-site"]
    least = int(yarn["yarn.scheduler.minimum-allocation-mb"])

    def container(heap: str, overhead: str) -> int:
        return -(-(mib(heap) + mib(overhead)) // least) * least

    executor = {
        "memory": container(spark["spark.executor.memory"], spark["spark.executor.memoryOverhead"]),
        "vcores": int(spark["spark.executor.cores"]),
        "gpu": int(spark.get("spark.executor.resource.gpu.amount", 0)),
    }
    master = {
        "memory": container(spark["spark.yarn.am.memory"], spark["spark.yarn.am.memoryOverhead"]),
        "vcores": int(spark["spark.yarn.am.cores"]),
        "gpu": 0,
    }
    node = {
        "memory": int(yarn["yarn.nodemanager.resource.memory-mb"]),
        "vcores": int(yarn["yarn.nodemanager.resource.cpu-vcores"]),
        "gpu": int(yarn.get("yarn.nodemanager.resource-type.gpu", 0)),
    }
    for what in node:
        left = node[what] - master[what]
        assert left >= per_host * executor[what], what
    fit = min(node[what] // executor[what] for what in ("memory", "vcores") if executor[what])
    if node["gpu"]:
        assert node["gpu"] // executor["gpu"] == per_host == find_host(kind).gpus
    assert fit == per_host, "memory and vcores alone let in no more either, nor on a node without"
    assert int(spark["spark.executor.instances"]) == count * per_host
    assert executor["memory"] <= int(yarn["yarn.scheduler.maximum-allocation-mb"])
    assert executor["vcores"] <= int(yarn["yarn.scheduler.maximum-allocation-vcores"])
    # On each node stays what the driver, the system and YARN's own daemons take.
    host = find_host(kind)
    driver = mib(spark["spark.driver.memory"]) + mib(spark["spark.driver.memoryOverhead"])
    assert host.memory // 2**20 - node["memory"] >= driver + 1536
    assert node["vcores"] <= host.cpus
    # As many Python workers at once as are to share the GPU, on cores of their own.
    slots = executor["vcores"] // int(spark["spark.task.cpus"])
    if node["gpu"]:
        assert slots == int(1 / float(spark["spark.task.resource.gpu.amount"])) == workers


def test_hosts_without_gpus_are_told_of_none() -> None:
    conf = make("ml.m5.4xlarge", 3, 1)
    assert not [key for one in conf.values() for key in one if "gpu" in key.lower()]


def test_every_value_is_text_in_an_allowed_classification_and_safe_in_xml() -> None:
    for kind, count, workers, _ in CLUSTERS:
        conf = make(kind, count, workers, conf={"spark.x": "a<b&c"})
        assert conf.keys() <= ALLOWED
        for name, properties in conf.items():
            for key, value in properties.items():
                assert isinstance(value, str) and "\n" not in value, key
                if name.endswith("-site"):
                    ET.fromstring(f"<p><name>{key}</name><value>{value}</value></p>")


def test_the_users_settings_win_and_those_of_the_container_are_refused() -> None:
    conf = make("ml.m5.4xlarge", 1, 1, conf={"spark.executor.memory": "9g"})
    assert conf["spark-defaults"]["spark.executor.memory"] == "9g"
    for key in ("spark.master", "spark.submit.deployMode", "yarn.x"):
        with pytest.raises(UserError, match=re.escape(key)):
            make("ml.m5.4xlarge", 1, 1, conf={key: "x"})
    with pytest.raises(UserError, match="more than one line"):
        make("ml.m5.4xlarge", 1, 1, conf={"spark.x": "a\nspark.y b"})


def test_a_key_encrypts_what_spark_writes() -> None:
    conf = make("ml.m5.4xlarge", 1, 1, kms_key="arn:aws:kms:us-east-1:1:key/2")["spark-defaults"]
    assert conf["spark.hadoop.fs.s3a.encryption.algorithm"] == "SSE-KMS"
    assert conf["spark.hadoop.fs.s3a.encryption.key"] == "arn:aws:kms:us-east-1:1:key/2"


def test_yarn_knows_the_keys() -> None:
    """The names are in Hadoop's own classes, except that of the countable type."""
    [jar] = JARS.glob("hadoop-client-api-*.jar")
    with zipfile.ZipFile(jar) as archive:
        known = archive.read("org/apache/hadoop/yarn/conf/YarnConfiguration.class")
    for key in make("ml.g4dn.12xlarge", 2, 1)["yarn-site"]:
        name = key.removesuffix("gpu")
        parts = (name, name.removeprefix("yarn.nodemanager."), name.removeprefix("yarn."))
        assert any(part.encode() in known for part in parts), key


def test_spark_submit_accepts_every_setting(tmp_path: Path) -> None:
    """spark-submit --verbose lists the settings that it takes from a file, and its complaints."""
    conf = make("ml.g5.48xlarge", 4, 2)["spark-defaults"]
    file = tmp_path / "spark-defaults.conf"
    file.write_text("".join(f"{key} {value}\n" for key, value in conf.items()))
    app = tmp_path / "app.py"
    app.write_text("print('never run')")
    done = subprocess.run(
        [
            str(JARS.parent / "bin/spark-submit"),
            *("--verbose", "--properties-file", str(file), "--kill", "none"),
            *("--master", "spark://127.0.0.1:1", str(app)),
        ],
        env={"JAVA_HOME": str(java_home()), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert "Ignoring non-Spark config" not in said
    for key, value in conf.items():
        assert f"({key},{value})" in said or "redacted" in said, key
