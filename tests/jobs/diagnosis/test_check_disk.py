"""Disks that are full, or cannot be written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from semscore.jobs.diagnosis.check_disk import check_disk, free_bytes


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Folders of our own for all that is looked at: Spark's settings for it."""
    for name in ("tmp", "spark"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "not" / "yet"))
    return {"spark.local.dir": str(tmp_path / "spark")}


def test_room_everywhere_is_one_line(places: dict[str, str], tmp_path: Path) -> None:
    [found] = check_disk(places)
    assert found.level == "ok"
    for name in ("tmp", "spark", "not/yet"):
        assert str(tmp_path / name) in found.found
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["spark", "tmp"]


def test_a_full_disk_is_told(places: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 10**8))
    found = list(check_disk(places))
    assert [one.level for one in found] == ["warn"] * 3
    assert "500.0 MB free for temporary files" in found[0].found
    assert found[0].fix == "set TMPDIR to a folder on another disk"


def test_what_cannot_be_written_fails_but_for_the_cache_of_models(
    places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """/proc is a folder in which even root makes no file."""
    monkeypatch.setenv("SEMSCORE_CACHE", "/proc/cache")
    spark, cache, rest = check_disk(places | {"spark.local.dir": "/proc/spark"})
    assert [spark.level, cache.level, rest.level] == ["fail", "warn", "ok"]
    assert spark.found.startswith("/proc/spark (Spark's files) cannot be written to: ")
    assert cache.fix == "set SEMSCORE_CACHE to a folder on another disk"


def test_the_environments_folders_win(
    places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/proc/a")
    assert [one.level for one in check_disk(places)] == ["fail", "ok"]
    monkeypatch.setenv("CONTAINER_ID", "container_1")  # of YARN
    monkeypatch.setenv("LOCAL_DIRS", places["spark.local.dir"])
    assert [one.level for one in check_disk(places)] == ["ok"]


def test_spark_goes_on_if_it_can_write_to_one_of_its_folders(places: dict[str, str]) -> None:
    several = {"spark.local.dir": f"/proc/a, {places['spark.local.dir']}"}
    assert [one.level for one in check_disk(several)] == ["warn", "ok"]


def test_a_folder_that_does_not_exist_is_on_its_parents_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(free_bytes(tmp_path), rel=0.1)
