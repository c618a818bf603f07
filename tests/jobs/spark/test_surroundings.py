"""A local run is not led astray by what the shell says of other Sparks and Pythons."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from semscore.jobs.spark import java_process, surroundings
from semscore.jobs.spark.surroundings import (
    java_options,
    of_a_run,
    of_local_java,
    others,
    unheeded,
    user_name,
    utf8_locale,
    with_variables,
)

JAVA = Path("/opt/java")


def test_variables_of_another_spark_are_left_out_and_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    astray = {
        "SPARK_HOME": "/nowhere",
        "SPARK_CONF_DIR": "/conf",
        "SPARK_REMOTE": "sc://localhost",
        "SPARK_LOCAL_IP": "10.0.0.1",
        "HADOOP_CONF_DIR": "/conf",
        "YARN_CONF_DIR": "/conf",
        "PYSPARK_PYTHON": "/no/such/python",
        "PYSPARK_DRIVER_PYTHON": "jupyter",
        "PYSPARK_SUBMIT_ARGS": "garbage",
        "PYTHONSTARTUP": "/x.py",
        "LC_ALL": "C",
    }
    for name, value in astray.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/disk")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    before = dict(os.environ)
    with with_variables(of_local_java(JAVA)):
        left = {name for name in astray if os.environ.get(name) == astray[name]}
        assert not left
        assert os.environ["PYSPARK_PYTHON"] == sys.executable
        assert os.environ["JAVA_HOME"] == "/opt/java"
        assert os.environ["SPARK_LOCAL_DIRS"] == "/disk"  # a wish, and doctor looks at it
        assert os.environ["PYTHONSAFEPATH"] == "1"
        assert os.environ["LC_ALL"].endswith("UTF-8")
        assert os.path.isabs(os.environ["SEMSCORE_CACHE"])  # noqa: PTH117
    assert dict(os.environ) == before


def test_variables_are_put_back_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    with pytest.raises(KeyError), with_variables(of_a_run()):
        assert "SPARK_REMOTE" not in os.environ
        raise KeyError
    assert os.environ["SPARK_REMOTE"] == "sc://localhost"


def test_what_spark_submit_has_set_stays() -> None:
    assert others({"PYSPARK_GATEWAY_PORT": "1", "SPARK_HOME": "/x", "PATH": "/bin"}) == [
        "SPARK_HOME"
    ]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, ""),
        ({"SPARK_HOME": "/x", "PYSPARK_PYTHON": "/x"}, ""),
        ({"PYSPARK_SUBMIT_ARGS": "pyspark-shell"}, ""),
        (
            {"PYSPARK_SUBMIT_ARGS": "--driver-memory 2g"},
            "PYSPARK_SUBMIT_ARGS is ignored: a local run starts its own Spark; pass settings to it "
            "with --conf",
        ),
        (
            {"SPARK_CONF_DIR": "/c", "HADOOP_CONF_DIR": "/c"},
            "SPARK_CONF_DIR, HADOOP_CONF_DIR are ignored",
        ),
    ],
)
def test_settings_that_are_left_out_are_named(variables: dict[str, str], says: str) -> None:
    found = unheeded(variables)
    assert found.startswith(says)
    assert bool(found) == bool(says)


def test_a_user_without_a_name_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert java_options() == []

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert user_name() is None
    name = surroundings.stand_in()
    assert java_options()[0] == f"-Duser.name={name}"
    assert of_local_java(JAVA)["USER"] == name


def test_hadoop_is_told_the_name() -> None:
    told: list[object] = []
    group = SimpleNamespace(createRemoteUser=lambda name: f"user {name}", setLoginUser=told.append)
    package = SimpleNamespace(UserGroupInformation=group)
    hadoop = SimpleNamespace(hadoop=SimpleNamespace(security=package))
    java_process.name_user(SimpleNamespace(org=SimpleNamespace(apache=hadoop)))
    assert told == [f"user {surroundings.stand_in()}"]


def test_without_a_home_one_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "HOME" not in of_a_run()
    monkeypatch.setattr(surroundings, "has_home", lambda: False)
    monkeypatch.setattr(surroundings, "temporary_home", lambda: tmp_path)
    assert of_a_run()["HOME"] == str(tmp_path)


def test_there_is_a_locale_with_utf8() -> None:
    assert utf8_locale() in ("C.UTF-8", "en_US.UTF-8")
