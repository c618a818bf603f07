"""Settings of S3A, Spark's client for S3: the same endpoint and credentials as in this process."""

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
# boto3's names of the credential sources that S3A finds by itself. Credentials from other sources,
# such as a profile, are passed to S3A.
FOUND_BY_S3A = ("env", "iam-role", "container-role")
# The sources that Hadoop names for a setting that nobody has chosen.
DEFAULTS = {"core-default.xml", "mapred-default.xml", "Set by Spark to default values"}

log = logging.getLogger("semscore")


def s3a_settings(
    places: Iterable[str], conf: Mapping[str, str], spark: SparkSession | None
) -> dict[str, str]:
    """Return S3A's settings, for use_s3a and Storage; empty if none of the places is on S3.

    In order of priority, they come from --conf, Spark's own settings, conf/s3a.conf, and this
    process's environment. Raises UserError if boto3 cannot use the AWS settings.
    """
    if not any(map(is_s3, places)):
        return {}
    from botocore.exceptions import BotoCoreError  # the import takes 0.5 s, so only S3 pays for it

    by_user = {
        key: value
        for key, value in (spark_settings(spark) | dict(conf)).items()
        if key.startswith((f"{HADOOP}{S3A}", f"{HADOOP}{COMMITTER}"))
    }
    both = conf_file("s3a.conf") | by_user
    chosen = {key.removeprefix(HADOOP): value for key, value in both.items()}
    try:
        s3a = _environment(chosen) | chosen
    except BotoCoreError as error:  # such as a profile that does not exist
        raise UserError(f"AWS settings: {' '.join(str(error).split())}") from error
    if is_own(s3a.get(f"{S3A}endpoint")):
        s3a.setdefault(f"{S3A}path.style.access", "true")
    return s3a


def use_s3a(spark: SparkSession, s3a: Mapping[str, str]) -> None:
    """Apply these settings to a running Spark, except those that the cluster's files set.

    Raises UserError if Spark does not include S3A.
    """
    if not s3a:
        return
    context: Any = spark.sparkContext
    hadoop = context._jsc.hadoopConfiguration()
    if hadoop.getClassByNameOrNull(CLASS) is None:
        version = context._jvm.org.apache.hadoop.util.VersionInfo.getVersion()
        raise UserError(
            "this Spark has no S3A, which it needs to read and write s3://; add --conf "
            f"spark.jars.packages=org.apache.hadoop:hadoop-aws:{version}, or add that jar and its "
            "AWS SDK with --conf spark.jars=…"
        )
    for key, value in s3a.items():
        if DEFAULTS.issuperset(hadoop.getPropertySources(key) or ()):
            hadoop.set(key, value)


def _environment(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return S3A settings for what only boto3 takes from environment variables and profiles."""
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
            log.warning(
                "Spark uses the AWS credentials that are valid now, and does not renew them when "
                "they expire"
            )
    return found
