"""Java is started with the command of spark-submit, as long as nothing unusual is set."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyspark
import pytest

from semscore.jobs.spark import java_command as command
from semscore.jobs.spark.java import java_home
from semscore.jobs.spark.java_command import java_command, java_variables, spark_home

SETTINGS = {
    "spark.app.name": "semscore",
    "spark.driver.extraJavaOptions": "-Xlog:disable -Dx='a b'",
    "spark.driver.memory": "3g",
    "spark.master": "local[2]",
    "spark.sql.x": "a b",
}
needs_3_5 = pytest.mark.skipif(
    not pyspark.__version__.startswith(command.KNOWN), reason="spark-submit starts other Sparks"
)


def of_spark() -> list[str]:
    """Ask Spark's own launcher for the command."""
    conf = [word for key, value in SETTINGS.items() for word in ("--conf", f"{key}={value}")]
    launcher = ["-cp", f"{spark_home()}/jars/*", "org.apache.spark.launcher.Main"]
    asked = [str(java_home() / "bin" / "java"), *launcher, command.MAIN, *conf, "pyspark-shell"]
    variables = {"SPARK_SCALA_VERSION": "2.12", "JAVA_HOME": str(java_home()), **java_variables()}
    kept = {key: value for key, value in os.environ.items() if "JAVA" not in key}
    said = subprocess.run(asked, env=kept | variables, capture_output=True, check=True, text=True)
    return said.stdout.strip("\0\n").split("\0")


def pairs(words: list[str]) -> tuple[list[str], list[str]]:
    """Separate the command from Spark's settings, whose order has no meaning."""
    place = words.index(command.MAIN) + 1
    return words[:place], sorted(words[place:])


@needs_3_5
def test_it_is_the_command_that_spark_itself_builds() -> None:
    ours = java_command(java_home(), SETTINGS)
    assert ours
    assert pairs(ours) == pairs(of_spark())


@pytest.mark.parametrize(
    "changed",
    [
        {"spark.driver.extraClassPath": "/x.jar"},
        {"spark.driver.defaultJavaOptions": "-Da=b"},
        {"spark.driver.extraJavaOptions": "-Xmx1g"},
    ],
)
def test_unusual_settings_are_left_to_spark_submit(changed: dict[str, str]) -> None:
    assert java_command(java_home(), SETTINGS | changed) is None


def test_files_of_settings_and_other_sparks_are_left_to_spark_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyspark, "__version__", "4.0.1")
    assert java_command(java_home(), SETTINGS) is None
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    monkeypatch.setattr(command, "spark_home", lambda: tmp_path)
    assert java_command(java_home(), SETTINGS)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").touch()
    assert java_command(java_home(), SETTINGS) is None
