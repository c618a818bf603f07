"""S3A, Spark's way to S3: set so that it goes where this process goes, with the same rights."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from semscore.jobs.hosts.conf_file import conf_file
from semscore.jobs.spark.session import spark_settings
from semscore.udfs.errors import UserError
from semscore.udfs.stores.s3 import is_own, is_s3
from semscore.udfs.stores.s3_access import S3A

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


HADOOP = "spark.hadoop."
COMMITTER = "mapreduce.fileoutputcommitter."
CLASS = "org.apache.hadoop.fs.s3a.S3AFileSystem"
# How boto3 finds credentials that S3A finds by itself; others, such as a profile's, are handed on.
FOUND_BY_S3A = ("env", "iam-role", "container-role")
# Where Hadoop says a setting is from that nobody has chosen.
DEFAULTS = {"core-default.xml", "mapred-default.xml", "Set by Spark to default values"}

log = logging.getLogger("semscore")


def s3a_settings(
    places: Iterable[str], conf: Mapping[str, str], spark: SparkSession | None
) -> dict[str, str]:
    """S3A's settings, for use_s3a and Storage; none if no place is on S3.

    --conf wins, then Spark's own settings, conf/s3a.conf, this process's environment.
    """
    if not any(map(is_s3, places)):
        return {}
    from botocore.exceptions import BotoCoreError  # half a second, for those who use it

    given = {
        key: value
        for key, value in (spark_settings(spark) | dict(conf)).items()
        if key.startswith((f"{HADOOP}{S3A}", f"{HADOOP}{COMMITTER}"))
    }
    both = conf_file("s3a.conf") | given
    chosen = {key.removeprefix(HADOOP): value for key, value in both.items()}
    try:
        settled = _environment(chosen) | chosen
    except BotoCoreError as error:  # such as a profile that is not there
        raise UserError(f"AWS settings: {' '.join(str(error).split())}") from error
    if is_own(settled.get(f"{S3A}endpoint")):
        settled.setdefault(f"{S3A}path.style.access", "true")
    return settled


def use_s3a(spark: SparkSession, s3a: Mapping[str, str]) -> None:
    """Give a running Spark these settings, but for those that the cluster's files have.

    Raises UserError if Spark has no S3A.
    """
    if not s3a:
        return
    context: Any = spark.sparkContext
    hadoop = context._jsc.hadoopConfiguration()
    if hadoop.getClassByNameOrNull(CLASS) is None:
        version = context._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        raise UserError(
            "this Spark has no S3A, by which it reads and writes s3://; add --conf "
            f"spark.jars.packages=org.apache.hadoop:hadoop-aws:{version}, or give that jar and its "
            "AWS SDK with --conf spark.jars=…"
        )
    for key, value in s3a.items():
        if DEFAULTS.issuperset(hadoop.getPropertySources(key) or ()):
            hadoop.set(key, value)


def _environment(chosen: Mapping[str, str]) -> dict[str, str]:
    """What boto3 takes from variables and profiles, and S3A would not."""
    import boto3

    session = boto3.Session()
    found: dict[str, str] = {}
    endpoint = session.client("s3").meta.endpoint_url
    if is_own(endpoint) and f"{S3A}endpoint" not in chosen:
        found[f"{S3A}endpoint"] = endpoint
    if session.region_name:
        found[f"{S3A}endpoint.region"] = session.region_name
    theirs = (f"{S3A}access.key", f"{S3A}aws.credentials.provider")
    credentials = None if chosen.keys() & theirs else session.get_credentials()
    if credentials and credentials.method not in FOUND_BY_S3A:
        frozen = credentials.get_frozen_credentials()
        found |= {f"{S3A}access.key": frozen.access_key, f"{S3A}secret.key": frozen.secret_key}
        if frozen.token:
            found[f"{S3A}session.token"] = frozen.token
            log.warning("Spark reads S3 with the credentials of now: they are not renewed")
    return found
