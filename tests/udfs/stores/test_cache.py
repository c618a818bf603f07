"""Where models are kept: also for users without a home."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from semscore.udfs.stores import cache
from semscore.udfs.stores.cache import cache_folder, has_home, is_temporary


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("SEMSCORE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a number that no user has, without HOME."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


def temporary(folder: Path) -> Path:
    return folder / "tmp" / f"semscore-{os.getuid()}"


def test_the_variable_counts_then_the_users_cache(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == plain / ".cache" / "semscore"
    monkeypatch.setenv("XDG_CACHE_HOME", str(plain / "xdg"))
    assert cache_folder() == plain / "xdg" / "semscore"
    monkeypatch.setenv("SEMSCORE_CACHE", "~/own")
    assert cache_folder() == plain / "own"
    monkeypatch.setenv("SEMSCORE_CACHE", "own")  # workers may run elsewhere
    assert cache_folder() == plain / "own"
    assert has_home()
    assert not is_temporary()


@pytest.mark.usefixtures("no_home")
def test_without_a_home_there_is_no_folder_called_tilde(plain: Path) -> None:
    assert not has_home()
    assert cache_folder() == temporary(plain)
    assert cache_folder().stat().st_mode & 0o777 == 0o700
    assert is_temporary()
    assert not (plain / "~").exists()


@pytest.mark.usefixtures("no_home")
def test_a_tilde_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_CACHE", "~/own")
    with pytest.raises(OSError, match="SEMSCORE_CACHE=~/own cannot be used"):
        cache_folder()


def test_a_home_that_cannot_be_written_to_is_passed_over(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_writable", lambda _: False)
    assert cache_folder() == temporary(plain)


@pytest.mark.usefixtures("no_home")
def test_a_temporary_folder_of_somebody_else_is_not_trusted(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary(plain).mkdir()
    place = temporary(plain)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    place.rename(temporary(plain))
    with pytest.raises(PermissionError, match="belongs to another user; set SEMSCORE_CACHE"):
        cache_folder()
