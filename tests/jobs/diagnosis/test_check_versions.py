"""Versions that do not go together, by the bounds of the package's own metadata."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pyspark
import pytest

from semscore.jobs.diagnosis import check_versions as versions
from semscore.jobs.diagnosis.check_versions import (
    check_built,
    check_java,
    check_packages,
    check_python,
    check_spark,
)
from semscore.jobs.diagnosis.finding import findings
from semscore.udfs.errors import UserError

Install = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretend that packages have other versions; None: they are missing."""

    def install(**others: str | None) -> None:
        real = metadata.version

        def version(name: str) -> str:
            found = others.get(name, "") if name in others else real(name)
            if found is None:
                raise metadata.PackageNotFoundError(name)
            return found

        monkeypatch.setattr(metadata, "version", version)

    return install


@pytest.fixture
def no_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code came as a zip."""

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    monkeypatch.setattr(metadata, "requires", missing)


def test_this_environment_is_one_that_works() -> None:
    for found in (check_python(), check_packages(), check_spark(local=True)):
        assert [one.level for one in found] == ["ok"]


def test_a_python_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.18")
    [found] = check_python()
    assert found.level == "fail"
    assert "3.9.18, but semscore needs >=3.10" in found.found


def test_a_python_that_spark_3_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.1")
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    assert [one.level for one in check_python()] == ["ok"]
    [found] = check_spark(local=True)
    assert found.level == "fail"
    assert "Python 3.13.1 with Spark 3.5.9, which expects Python 3.10 to 3.12" in found.found
    assert "pip install 'semscore[spark4]'" in found.fix
    monkeypatch.setattr(pyspark, "__version__", "4.1.0")
    assert [one.level for one in check_spark(local=True)] == ["ok"]


def test_a_pandas_whose_texts_spark_3_changes_is_told(
    monkeypatch: pytest.MonkeyPatch, installed: Install
) -> None:
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    installed(pandas="3.0.2", numpy="2.1.0", pyarrow="26.0.0")
    [found] = check_spark(local=True)
    assert (found.level, found.fix.partition(",")[0]) == ("fail", "pip install 'pandas<3'")
    assert "pandas 3.0.2 with Spark 3.5.9" in found.found
    monkeypatch.setattr(pyspark, "__version__", "4.3.0")
    for check in (check_spark(local=True), check_packages()):
        assert [one.level for one in check] == ["ok"]


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({"numpy": "1.24.4"}, "numpy 1.24.4 does not satisfy >=1.26; pip install 'numpy>=1.26'"),
        ({"pandas": "1.5.3"}, "pandas 1.5.3 does not satisfy >=2; pip install 'pandas>=2'"),
        ({"pyarrow": "14.0.0"}, "pyarrow 14.0.0 does not satisfy >=18; pip install 'pyarrow>=18'"),
        ({"pyarrow": None}, "pyarrow is missing; pip install 'pyarrow>=18'"),
        ({"nncf": "2.0"}, "nncf 2.0 does not satisfy <4,>=3; pip install 'nncf<4,>=3'"),
    ],
)
def test_a_library_out_of_bounds_is_told(
    installed: Install, others: dict[str, str | None], says: str
) -> None:
    installed(**others)
    [found] = check_packages()
    assert (found.level, str(found)) == ("fail", f"packages: {says}")


def test_an_extra_that_is_not_installed_is_no_fault(installed: Install) -> None:
    installed(nncf=None, openvino=None)
    assert [one.level for one in check_packages()] == ["ok"]


def test_without_metadata_nothing_is_claimed(no_metadata: None) -> None:
    for check in (check_python, check_packages):
        [found] = check()
        assert found.level == "ok"
        assert "not checked" in found.found
    [spark] = check_spark(local=True)
    assert spark.level == "ok"


@pytest.mark.parametrize(
    ("version", "level"), [("3.5.3", "ok"), ("3.5.2", "fail"), ("4.0.1", "ok"), ("5.0.0", "fail")]
)
def test_spark_is_one_that_was_tested(
    monkeypatch: pytest.MonkeyPatch, version: str, level: str
) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.11.7")
    monkeypatch.setattr(pyspark, "__version__", version)
    assert [one.level for one in check_spark(local=True)] == [level]


def test_the_two_halves_of_spark_must_be_of_one_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    (tmp_path / "jars").mkdir()
    [found] = check_spark(local=False)
    assert f"SPARK_HOME ({tmp_path}) does not contain Spark" in str(found)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "spark-submit").touch()
    jar = tmp_path / "jars" / "spark-core_2.12-3.3.1-amzn-0.jar"
    jar.touch()
    [found] = check_spark(local=False)
    assert found.level == "fail"
    assert f"SPARK_HOME ({tmp_path}) has Spark 3.3.1; unset SPARK_HOME" in str(found)
    jar.rename(jar.with_name("spark-core_2.12-3.5.1.jar"))
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    assert [one.level for one in check_spark(local=False)] == ["ok"]


def test_a_local_run_does_not_look_at_spark_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "nowhere"))
    assert [one.level for one in check_spark(local=True)] == ["ok"]
    assert [one.level for one in check_spark(local=False)] == ["fail"]


def test_from_python_3_12_spark_3_needs_setuptools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    monkeypatch.setattr(versions, "find_spec", lambda _: None)
    [found] = check_spark(local=False)
    assert (found.level, found.fix) == ("fail", "pip install setuptools")


def test_a_java_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from semscore.jobs.spark import java

    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setattr(java.shutil, "which", lambda _: None)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    (tmp_path / "release").write_text('JAVA_VERSION="1.8.0_402"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    [found] = findings({"java": check_java})
    assert found.level == "fail"
    assert f"Spark needs Java 17; found JAVA_HOME: Java 8 in {tmp_path}" in found.found
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.1"')
    [found] = check_java()
    assert (found.level, found.found) == ("ok", f"17 in {tmp_path}")


def test_an_image_built_for_other_code_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert list(check_built("auto")) == []
    image = tmp_path / "image.json"
    image.write_text('{"semscore": "0.0.1", "cuda": null, "torch": "2.0"}')
    monkeypatch.setenv("SEMSCORE_IMAGE", str(image))
    with pytest.raises(UserError, match=r"the image was built for semscore 0\.0\.1"):
        list(check_built("auto"))
