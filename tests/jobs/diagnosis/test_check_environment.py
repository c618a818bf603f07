"""What doctor says of variables about Spark and Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from semscore.jobs.diagnosis import check_environment as surroundings
from semscore.jobs.diagnosis.check_environment import check_environment, check_worker_python


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYSPARK_PYTHON", "PYSPARK_SUBMIT_ARGS", "SPARK_CONF_DIR", "HADOOP_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_settings_that_a_local_run_ignores_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.level for one in check_environment(local=True)] == ["ok"]
    monkeypatch.setenv("SPARK_CONF_DIR", "/conf")
    [found] = check_environment(local=True)
    assert (found.level, "SPARK_CONF_DIR" in found.found) == ("warn", True)
    [found] = check_environment(local=False)
    assert found.level == "ok"


def test_a_user_without_a_name_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "user_name", lambda: None)
    assert "has no name" in list(check_environment(local=True))[-1].found


def test_the_workers_python_is_asked_for_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert list(check_worker_python(local=False)) == []
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    assert [one.level for one in check_worker_python(local=False)] == ["ok"]
    monkeypatch.setenv("PYSPARK_PYTHON", "/no/such/python")
    [found] = check_worker_python(local=False)
    assert (found.level, "/no/such/python" in found.found) == ("warn", True)
    assert list(check_worker_python(local=True)) == []
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 2.7.18\n")
    other.chmod(0o755)
    monkeypatch.setenv("PYSPARK_PYTHON", str(other))
    [found] = check_worker_python(local=False)
    assert (found.level, "is Python 2.7.18" in found.found) == ("fail", True)
