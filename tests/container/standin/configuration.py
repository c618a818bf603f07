"""Restore the files that Spark, Hadoop and YARN read, add sizes, and apply the job's changes.

All of them are below STANDIN_ROOT, or below / if it is not set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil

ROOT = Path(os.environ.get("STANDIN_ROOT", "/"))
ORIGINALS = ROOT / "opt/hadoop-config"
INSTANCE_TYPES = ROOT / "opt/aws-config/ec2-instance-type-info.json"
JOB = ROOT / "opt/ml/config/processingjobconfig.json"
ASKED = (
    ROOT / "opt/ml/input/data/conf/configuration.json",
    ROOT / "opt/ml/processing/input/conf/configuration.json",
)
HADOOP = ROOT / "usr/lib/hadoop/etc/hadoop"
SPARK = ROOT / "usr/lib/spark/conf"
HIVE = ROOT / "usr/lib/hive/conf"

SPARK_DEFAULTS = SPARK / "spark-defaults.conf"
YARN_SITE = HADOOP / "yarn-site.xml"
CORE_SITE = HADOOP / "core-site.xml"

Entry = Mapping[str, Any]  # a classification, as configuration.json has it


def as_xml(entry: Entry) -> str:
    """Do not escape values, because the real image does not."""
    one = "  <property>\n    <name>{}</name>\n    <value>{}</value>\n  </property>\n"
    return "".join(one.format(key, value) for key, value in entry["Properties"].items())


def as_lines(between: str) -> Callable[[Entry], str]:
    return lambda entry: "".join(
        f"{key}{between}{value}\n" for key, value in entry["Properties"].items()
    )


def as_exports(entry: Entry) -> str:
    for inner in entry["Configurations"]:
        if inner["Classification"] != "export":
            raise ValueError(f"{entry['Classification']} takes export, not {inner}")
    pairs = [pair for inner in entry["Configurations"] for pair in inner["Properties"].items()]
    return "".join(f"export {key}={value}\n" for key, value in pairs)


CLASSIFICATIONS: dict[str, tuple[Path, Callable[[Entry], str]]] = {
    "core-site": (CORE_SITE, as_xml),
    "hadoop-env": (HADOOP / "hadoop-env.sh", as_exports),
    "hadoop-log4j": (HADOOP / "log4j.properties", as_lines("=")),
    "hive-env": (HIVE / "hive-env.sh", as_exports),
    "hive-log4j": (HIVE / "hive-log4j2.properties", as_lines("=")),
    "hive-exec-log4j": (HIVE / "hive-exec-log4j2.properties", as_lines("=")),
    "hive-site": (HIVE / "hive-site.xml", as_xml),
    "spark-defaults": (SPARK_DEFAULTS, as_lines(" ")),
    "spark-env": (SPARK / "spark-env.sh", as_exports),
    "spark-log4j": (SPARK / "log4j.properties", as_lines("=")),
    "spark-hive-site": (SPARK / "hive-site.xml", as_xml),
    "spark-metrics": (SPARK / "metrics.properties", as_lines("=")),
    "yarn-env": (HADOOP / "yarn-env.sh", as_exports),
    "yarn-site": (YARN_SITE, as_xml),
}


def configure(resources: Mapping[str, Any]) -> None:
    """Write all files from scratch. configuration.json comes last and takes precedence."""
    host = str(resources["current_host"])
    primary = socket.gethostbyname(min(resources["hosts"]))
    for name, folder in {
        "core-site.xml": HADOOP,
        "hdfs-site.xml": HADOOP,
        "yarn-site.xml": HADOOP,
        "spark-defaults.conf": SPARK,
        "spark-env.sh": SPARK,
    }.items():
        shutil.copyfile(ORIGINALS / name, folder / name)
    fill(CORE_SITE, {"nn_uri": primary})
    fill(YARN_SITE, {"rm_hostname": primary, "nm_hostname": host})
    fill(SPARK_DEFAULTS, {"sd_host": primary})
    region = os.environ.get("AWS_REGION")
    if region:
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        endpoint = {"fs.s3a.endpoint": f"s3.{region}.{domain}", "fs.s3a.endpoint.region": region}
        write({"Classification": "core-site", "Properties": endpoint})
    for entry in (*default_sizes(*machine(resources)), *asked()):
        write(entry)


def fill(path: Path, values: Mapping[str, str]) -> None:
    text = path.read_text()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    path.write_text(text)


def machine(resources: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return the number of instances, and the MiB and vCPUs of each."""
    if JOB.exists():
        cluster = json.loads(JOB.read_text())["ProcessingResources"]["ClusterConfig"]
        instances, name = int(cluster["InstanceCount"]), cluster["InstanceType"]
    elif "current_instance_type" in resources:
        instances, name = len(resources["hosts"]), resources["current_instance_type"]
    else:
        return 1, psutil.virtual_memory().total // 2**20, psutil.cpu_count() or 1
    known = {each["InstanceType"]: each for each in json.loads(INSTANCE_TYPES.read_text())}
    found = known[name.replace("ml.", "")]
    return instances, found["MemoryInfo"]["SizeInMiB"], found["VCpuInfo"]["DefaultVCpus"]


def default_sizes(instances: int, mib: int, cores: int) -> tuple[Entry, Entry]:
    """One executor on each instance, with all of its vCPUs."""
    driver, executor = int(mib * 0.9), int(mib * 0.95 * 0.9)
    yarn = {
        "yarn.scheduler.minimum-allocation-mb": "1",
        "yarn.scheduler.maximum-allocation-mb": mib,
        "yarn.scheduler.minimum-allocation-vcores": "1",
        "yarn.scheduler.maximum-allocation-vcores": cores,
        "yarn.nodemanager.resource.memory-mb": mib,
        "yarn.nodemanager.resource.cpu-vcores": cores,
    }
    spark = {
        "spark.driver.memory": f"{driver}m",
        "spark.driver.memoryOverhead": f"{int(driver * 0.1)}m",
        "spark.driver.defaultJavaOptions": "-XX:OnOutOfMemoryError='kill -9 %p' "
        "-XX:+UseConcMarkSweepGC -XX:CMSInitiatingOccupancyFraction=70",
        "spark.executor.memory": f"{executor}m",
        "spark.executor.memoryOverhead": f"{int(executor * 0.1)}m",
        "spark.executor.cores": cores,
        "spark.executor.defaultJavaOptions": "-verbose:gc -XX:OnOutOfMemoryError='kill -9 %p' "
        "-XX:+PrintGCDetails -XX:+PrintGCDateStamps -XX:+UseParallelGC",
        "spark.executor.instances": instances,
        "spark.default.parallelism": instances * cores * 2,
        "spark.yarn.appMasterEnv.AWS_REGION": os.environ.get("AWS_REGION"),
        "spark.executorEnv.AWS_REGION": os.environ.get("AWS_REGION"),
    }
    return (
        {"Classification": "yarn-site", "Properties": yarn},
        {"Classification": "spark-defaults", "Properties": spark},
    )


def asked() -> list[Entry]:
    """Return the content of the first configuration.json that exists. Raises if it is invalid."""
    path = next((path for path in ASKED if path.exists()), None)
    if path is None:
        return []
    given = json.loads(path.read_text())
    return [checked(entry) for entry in ([given] if isinstance(given, dict) else given)]


def checked(given: Entry) -> Entry:
    entry = {
        "Classification": given["Classification"],
        "Properties": given["Properties"],
        "Configurations": [checked(inner) for inner in given.get("Configurations") or ()],
    }
    name = entry["Classification"]
    if name not in CLASSIFICATIONS and name != "export":
        raise ValueError(f"classification {name} is none of {', '.join(CLASSIFICATIONS)}")
    if "env" in name and not entry["Configurations"]:
        raise ValueError(f"{name} needs an export among its Configurations")
    return entry


def write(entry: Entry) -> None:
    path, serialise = CLASSIFICATIONS[entry["Classification"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text() if path.exists() else ""
    if path.suffix == ".xml":
        text = text or '<?xml version="1.0"?>\n<configuration>\n</configuration>'
        text = text.replace("</configuration>", f"\n{serialise(entry)}</configuration>")
    else:
        text += serialise(entry)
    path.write_text(text)


def read_xml(path: Path) -> dict[str, str]:
    """Return the properties in force. If one occurs twice, the last value counts."""
    if not path.exists():
        return {}
    found = ElementTree.parse(path).iter("property")
    return {one.findtext("name", "").strip(): one.findtext("value", "").strip() for one in found}


def read_properties(path: Path) -> dict[str, str]:
    """Parse Java's properties, without escapes, which these files do not use."""
    lines = (line.strip() for line in path.read_text().splitlines())
    parts = (re.split(r"\s*[=:\s]\s*", line, maxsplit=1) for line in lines if line[:1] not in "#!")
    return {part[0]: part[1] for part in parts if len(part) == 2}
