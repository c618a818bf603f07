"""The time limit of a job comes from a plan only where an earlier run had the same hardware."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from semscore.jobs.cli import time_limit as module
from semscore.jobs.cli.time_limit import HOUR, LONGEST, with_time_limit
from semscore.jobs.options.settings import Settings
from semscore.jobs.planner.estimate import Estimate
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.processing_job.launch_options import DAY, Launch

SETTINGS = Settings(inputs=("s3://data/pairs",), output="s3://data/scored")


def job(**options: Any) -> Launch:
    return Launch(
        role="arn:aws:iam::111122223333:role/semscore-job",
        instance_type="ml.g5.2xlarge",
        image_uri="image",
        instances=4,
        **options,
    )


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the plan finds, and what it was asked."""
    found: dict[str, Any] = {"high": 100.0, "calibrated": True}

    def plan(_: Settings, ask: Ask) -> Any:
        found["ask"] = ask
        total = Estimate(1.0, 2.0, found["high"])
        prediction = SimpleNamespace(calibrated=found["calibrated"], total_s=total)
        return SimpleNamespace(predictions=[prediction])

    monkeypatch.setattr(module, "plan", plan)
    return found


@pytest.mark.parametrize(
    ("high", "expected"), [(100.0, HOUR), (10_000.3, 15_001), (10.0**7, LONGEST)]
)
def test_it_is_half_as_long_again_as_the_plans_upper_end(
    planned: dict[str, Any], high: float, expected: int
) -> None:
    planned["high"] = high
    limited = with_time_limit(job(past_run=("s3://data/before",)), SETTINGS)
    assert limited.time_limit == expected
    ask = planned["ask"]
    assert (ask.types, ask.instances, ask.past_run) == (
        ("ml.g5.2xlarge",),
        4,
        ("s3://data/before",),
    )


def test_another_hardware_leaves_a_day(
    planned: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    planned["calibrated"] = False
    assert with_time_limit(job(past_run=("s3://data/before",)), SETTINGS).time_limit == DAY
    assert caplog.messages == [
        "none of the runs in --past-run has a speed of ml.g5.2xlarge, so --max-runtime is 24 h"
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, DAY), ({"max_runtime": 600, "past_run": ("s3://data/before",)}, 600)],
)
def test_nothing_is_planned_where_it_is_not_asked(
    planned: dict[str, Any], options: dict[str, Any], expected: int
) -> None:
    assert with_time_limit(job(**options), SETTINGS).time_limit == expected
    assert "ask" not in planned
