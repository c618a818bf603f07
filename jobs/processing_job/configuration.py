"""configuration.json: EMR classifications for SageMaker's Spark container. Pure.

The container writes them after its own settings, so these take precedence. yarn-site is the same on
all nodes, and the driver can run on any of them. So YARN does not get the driver's share of a node
on any node.
"""

from __future__ import annotations

from typing import TypedDict
from xml.sax.saxutils import escape

from semscore.jobs.hosts.conf_file import conf_file
from semscore.jobs.hosts.executors import YARN_MASTER, Executors
from semscore.jobs.hosts.sizing import CORES_LEFT
from semscore.udfs.errors import UserError

MIB = 2**20
SPARK, YARN = "spark-defaults", "yarn-site"
NOT_OURS = "spark.master", "spark.submit.deployMode"  # set by smspark-submit
# Settings in spark-yarn.conf that are only for hosts with GPUs.
GPU_ONLY = (
    "spark.executor.resource.gpu.",
    "spark.task.resource.gpu.",
    "spark.yarn.resourceGpuDeviceName",
    "spark.executorEnv.SEMSCORE_GPUS_PER_EXECUTOR",
    "spark.executorEnv.SEMSCORE_LEASE_DIR",
    "spark.executorEnv.CUDA_DEVICE_ORDER",
)
# A lost host, or a lost application master, is noticed after a minute, not after ten. Nodes send a
# heartbeat every second, so 60 in a row must be missing, which a busy network does not cause. The
# container itself allows one master; see also spark-yarn.conf.
LOSSES = {
    "yarn.nm.liveness-monitor.expiry-interval-ms": "60000",
    "yarn.am.liveness-monitor.expiry-interval-ms": "60000",
    "yarn.resourcemanager.am.max-attempts": "4",
}


class Classification(TypedDict):
    """A settings file in the container, and the properties to add to it."""

    Classification: str
    Properties: dict[str, str]


def configuration(
    executors: Executors,
    region: str,
    kms_key: str | None = None,
    conf: dict[str, str] | None = None,
) -> list[Classification]:
    """Return the settings of Spark and YARN for executors. `conf` takes precedence over all others.

    Raises UserError for settings in `conf` that cannot be written, or that users may not set.
    """
    return [
        {"Classification": SPARK, "Properties": _spark(executors, region, kms_key, conf or {})},
        {"Classification": YARN, "Properties": _yarn(executors)},
    ]


def _spark(
    executors: Executors, region: str, kms_key: str | None, conf: dict[str, str]
) -> dict[str, str]:
    for key, value in conf.items():
        if not key.startswith("spark."):
            raise UserError(f"--conf {key}: Spark accepts only keys that begin with spark.")
        if key in NOT_OURS:
            raise UserError(f"--conf {key}: SageMaker's container sets it; leave it out")
        if "\n" in value or "\r" in value:
            raise UserError(f"--conf {key}: the value has more than one line")
    base = conf_file("spark-yarn.conf") | conf_file("s3a.conf") | conf_file("spark-sagemaker.conf")
    if not executors.host.gpus:
        base = {key: value for key, value in base.items() if not key.startswith(GPU_ONLY)}
    # boto3 reads only this variable, and executors inherit only AWS_REGION.
    base["spark.executorEnv.AWS_DEFAULT_REGION"] = region
    base["spark.hadoop.fs.s3a.endpoint.region"] = region
    if kms_key:
        base["spark.hadoop.fs.s3a.encryption.algorithm"] = "SSE-KMS"
        base["spark.hadoop.fs.s3a.encryption.key"] = kms_key
    return base | executors.spark_conf() | conf


def _yarn(executors: Executors) -> dict[str, str]:
    memory = str((executors.taken + YARN_MASTER) // MIB)
    vcores = str(executors.per_host * executors.cores + CORES_LEFT)
    site = {
        "yarn.nodemanager.resource.memory-mb": memory,
        "yarn.nodemanager.resource.cpu-vcores": vcores,
        "yarn.scheduler.minimum-allocation-mb": "1024",
        "yarn.scheduler.maximum-allocation-mb": memory,
        "yarn.scheduler.maximum-allocation-vcores": vcores,
        "yarn.nodemanager.vmem-check-enabled": "false",  # CUDA reserves large ranges of addresses
        **LOSSES,
    }
    if executors.host.gpus:
        site["yarn.resource-types"] = "gpu"
        site["yarn.nodemanager.resource-type.gpu"] = str(executors.host.gpus)
    # The container inserts values into the XML unescaped.
    return {key: escape(value) for key, value in site.items()}
