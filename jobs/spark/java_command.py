"""The command that starts Spark's Java directly.

spark-submit starts a Python, which finds Spark, and a first Java, which builds this command. They
take half a second, and always give the same answer for a local Spark that is installed in this
Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyspark

MAIN = "org.apache.spark.deploy.SparkSubmit"
KNOWN = "3.5."  # the versions of Spark whose command this is
# In the folder of Spark's settings, which is missing unless somebody has created it.
SETTINGS_FILES = ("spark-defaults.conf", "spark-env.sh")
# Settings that change the command in other ways.
UNUSUAL = (
    "spark.driver.defaultJavaOptions",
    "spark.driver.extraClassPath",
    "spark.driver.extraLibraryPath",
    "spark.submit.deployMode",
)
# What Spark's JavaModuleOptions lists: the parts of Java 17 that Spark reaches into.
OPENED = (
    *("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent"),
    "util.concurrent.atomic",
)
OPENED_INTERNALS = (
    *("java.base/jdk.internal.ref", "java.base/sun.nio.ch", "java.base/sun.nio.cs"),
    *("java.base/sun.security.action", "java.base/sun.util.calendar"),
    "java.security.jgss/sun.security.krb5",
)


def java_command(java: Path, settings: Mapping[str, str]) -> list[str] | None:
    """Return the command that spark-submit would run for a local Spark with these settings.

    Returns None if it might be another one than here.
    """
    home = spark_home()
    options = settings.get("spark.driver.extraJavaOptions", "")
    unusual = any(name in settings for name in UNUSUAL) or "-Xmx" in options
    configured = any((home / "conf" / name).exists() for name in SETTINGS_FILES)
    if not pyspark.__version__.startswith(KNOWN) or unusual or configured:
        return None
    return [
        str(java / "bin" / "java"),
        *("-cp", f"{home}/conf:{home}/jars/*"),
        f"-Xmx{settings.get('spark.driver.memory', '1g')}",
        *shlex.split(options),
        *_module_options(),
        MAIN,
        *_conf(settings.items()),
        "pyspark-shell",
    ]


def java_variables() -> dict[str, str]:
    """Return the environment variables that spark-submit would set, and Spark reads."""
    return {"SPARK_HOME": str(spark_home()), "PYTHONHASHSEED": "0"}


def spark_home() -> Path:
    """Return the home of the Spark that is installed in this Python."""
    return Path(pyspark.__file__).parent


def _module_options() -> list[str]:
    opened = [*(f"java.base/java.{name}" for name in OPENED), *OPENED_INTERNALS]
    return [
        "-XX:+IgnoreUnrecognizedVMOptions",
        *(f"--add-opens={name}=ALL-UNNAMED" for name in opened),
        "-Djdk.reflect.useDirectMethodHandle=false",
    ]


def _conf(settings: Iterable[tuple[str, str]]) -> list[str]:
    return [word for key, value in settings for word in ("--conf", f"{key}={value}")]
