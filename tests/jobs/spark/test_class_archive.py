"""The archive of Spark's Java classes: made once, used when it is whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from semscore.jobs.spark.class_archive import SETTLED_S, UNUSED_S, archive_options


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "java").mkdir()
    (tmp_path / "java" / "release").write_text('JAVA_VERSION="17.0.1"')
    return tmp_path / "java"


def written(options: str) -> Path:
    """Write the file that Java is asked to write."""
    first = options.split()[0]
    assert first.startswith("-XX:ArchiveClassesAtExit=")
    path = Path(first.partition("=")[2])
    path.write_bytes(b"classes")
    return path


def test_the_second_run_writes_it_and_a_later_one_maps_it(java: Path) -> None:
    assert archive_options(java) == ""
    made = written(archive_options(java))
    assert "ArchiveClassesAtExit" in archive_options(java)  # it may still be being written
    then = time.time() - 2 * SETTLED_S
    os.utime(made, (then, then))
    options = archive_options(java).split()
    archive = Path(options[0].removeprefix("-XX:SharedArchiveFile="))
    assert archive.read_bytes() == b"classes"
    assert list(archive.parent.glob("*.part")) == []


def test_an_archive_that_no_run_has_used_for_a_month_is_deleted(java: Path) -> None:
    archive_options(java)
    made = written(archive_options(java))
    then = time.time() - 2 * UNUSED_S
    os.utime(made, (then, then))
    others = [made.with_name("0.jsa"), made.with_name("0.1.part"), made.with_name("0.seen")]
    for other in others:
        other.write_bytes(b"of another environment")
        os.utime(other, (then, then))
    kept = made.with_name("1.jsa")
    kept.write_bytes(b"used yesterday")
    assert "SharedArchiveFile" in archive_options(java)
    assert not any(other.exists() for other in others)
    assert kept.exists()
    [archive] = set(made.parent.glob("*.jsa")) - {kept}
    assert time.time() - archive.stat().st_mtime < 60  # it counts as used


def test_another_java_has_another_archive(java: Path) -> None:
    archive_options(java)
    before = written(archive_options(java))
    (java / "release").write_text('JAVA_VERSION="17.0.2"')
    archive_options(java)
    assert written(archive_options(java)) != before


def test_a_java_that_does_not_say_its_version_has_none(java: Path) -> None:
    (java / "release").unlink()
    assert archive_options(java) == ""


def test_a_cache_that_cannot_be_written_is_left_alone(
    java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "file"))
    assert archive_options(java) == ""
