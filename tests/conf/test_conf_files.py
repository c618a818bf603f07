"""conf/spark-*.conf: keys that Spark knows, figures that fit, one policy for failures."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pyspark
import pytest

from semscore.jobs.hosts.executors import Manager
from semscore.jobs.hosts.instances import find_host
from semscore.jobs.hosts.scheduling import check_gpu_settings
from semscore.jobs.hosts.sizing import size

CONF = Path(__file__).parents[2] / "conf"
JARS = Path(pyspark.__file__).parent / "jars"
MASTERS: dict[Manager, str] = {
    "standalone": "spark://h:7077",
    "yarn": "yarn",
    "kubernetes": "k8s://https://h",
}
# Where Spark's settings are defined.
CLASSES = re.compile(
    r"org/apache/spark/(internal/config|deploy/(yarn/config|k8s/Config)|scheduler/cluster/Coarse)"
)
COMPOSED = re.compile(  # of parts, at run time
    r"spark\.(executorEnv\.\w+|(executor|task)\.resource\.gpu\.(amount|discoveryScript|vendor)"
    r"|kubernetes\.authenticate\.driver\.serviceAccountName"
    r"|shuffle\.io\.connectionCreationTimeout)"  # of TransportConf, with the module's name
)


def read(manager: str) -> dict[str, str]:
    lines = (CONF / f"spark-{manager}.conf").read_text("utf-8").splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    conf = dict(pairs)
    assert len(conf) == len(pairs), "a key is there twice"
    return conf


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The names of settings in the classes that define them."""
    found: set[bytes] = set()
    for name in ("core", "yarn", "kubernetes"):
        [jar] = JARS.glob(f"spark-{name}_*.jar")
        with zipfile.ZipFile(jar) as archive:
            for entry in filter(CLASSES.match, archive.namelist()):
                found |= set(re.findall(rb"spark\.[\w.]+", archive.read(entry)))
    return {key.decode() for key in found}


@pytest.mark.parametrize("manager", MASTERS)
def test_spark_knows_every_key(manager: Manager, known: set[str]) -> None:
    hosts = (find_host("g5.12xlarge"), find_host("g5.xlarge"), find_host("m5.xlarge"))
    ours = {key for host in hosts for key in size(host, 1, 1, manager).spark_conf()}
    commented = re.findall(
        r"^# (spark\.\S+)  +\S+$", (CONF / f"spark-{manager}.conf").read_text("utf-8"), re.M
    )
    keys = ours | read(manager).keys() | set(commented)
    assert {key for key in keys if not COMPOSED.fullmatch(key)} <= known


@pytest.mark.parametrize("manager", MASTERS)
def test_sizes_are_those_of_the_hosts_that_they_are_said_to_be_for(manager: Manager) -> None:
    conf = read(manager)
    sizes = size(find_host("g5.2xlarge"), 4, 1, manager).spark_conf()
    for key in conf.keys() & sizes.keys():
        assert conf[key] == sizes[key], key
    check_gpu_settings({"spark.master": MASTERS[manager], **conf}, "gpu")


@pytest.mark.parametrize("manager", MASTERS)
def test_failures_are_treated_alike(manager: Manager) -> None:
    conf = read(manager)
    failures = {key: value for key, value in conf.items() if "xcludeOnFailure.task" in key}
    assert failures == {k: v for k, v in read("yarn").items() if "xcludeOnFailure.task" in k}
    per_node = int(conf["spark.excludeOnFailure.task.maxTaskAttemptsPerNode"])
    assert per_node < int(conf["spark.task.maxFailures"]), "Spark refuses it"
    counted = {"spark.executor.maxNumFailures", "spark.executor.failuresValidityInterval"}
    assert counted <= conf.keys() or manager == "standalone"


def test_the_daemon_that_preloads_is_only_where_semscore_is_installed() -> None:
    with_daemon = [name for name in MASTERS if "spark.python.daemon.module" in read(name)]
    assert with_daemon == ["kubernetes"]
