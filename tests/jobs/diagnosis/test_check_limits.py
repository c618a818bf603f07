"""Limits of time and of open files."""

from __future__ import annotations

import resource
from time import time

import pytest

from semscore.jobs.diagnosis import check_limits as limits
from semscore.jobs.diagnosis.check_limits import check_open_files, check_time


def test_without_a_limit_there_is_time() -> None:
    [found] = check_time(None)
    assert (found.level, found.found) == ("ok", "none")


@pytest.mark.parametrize(("left", "level"), [(3600, "ok"), (600, "warn"), (-5, "warn")])
def test_sagemakers_limit_counts_from_now(
    monkeypatch: pytest.MonkeyPatch, left: int, level: str
) -> None:
    monkeypatch.setattr(limits, "ends_at", lambda: time() + left)
    [found] = check_time(None)
    assert found.level == level
    assert f"leaves {max(left, 0) // 60} min" in found.found


def test_a_deadline_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ends_at", lambda: time() + 10)
    assert [one.level for one in check_time(7200)] == ["ok"]
    assert [str(one) for one in check_time(60)] == [
        "time limit: --deadline leaves 1 min; allow more time, or score the rest later with --mode "
        "resume"
    ]


@pytest.mark.parametrize(
    ("soft", "level"), [(256, "warn"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")]
)
def test_too_few_open_files_are_told(
    monkeypatch: pytest.MonkeyPatch, soft: int, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    [found] = check_open_files()
    assert found.level == level
