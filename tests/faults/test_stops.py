"""Runs that are told to end, by limits and signals: in good order, and resumed at no loss."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.faults


@pytest.mark.slow
def test_a_trial_of_some_units_is_gone_on_with(dataset: Any, expected: dict[int, float]) -> None:
    code, told = dataset.run("new", options=("--max-units", "3"))
    assert code == 0, told
    assert "stopped (--max-units is reached): this run scored 3 of 30 units (90 rows)" in told
    assert not (dataset.output / "_SUCCESS").exists()
    assert len(dataset.committed()) == 3
    progress = json.loads((dataset.output / "_semscore" / "progress.json").read_text())
    assert (progress["state"], progress["rows"], progress["rows_total"]) == ("stopped", 90, 900)
    code, told = dataset.run()
    assert code == 0, told
    dataset.require_complete(expected)


def test_a_run_that_is_told_to_end_or_loses_spark_is_resumed(
    dataset: Any, expected: dict[int, float]
) -> None:
    process = dataset.start("new")
    wait_for_units(dataset, 1)
    process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    first = stopped(dataset, process, "stopped (SIGTERM)")
    assert time.monotonic() - start < 30
    assert 1 <= len(first) < 30

    process = dataset.start()
    wait_for_units(dataset, len(first) + 1)
    [java] = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.name() == "java"
    ]
    java.kill()
    second = stopped(dataset, process, "stopped (Spark's Java process was killed (signal 9)")
    assert first.items() < second.items()

    code, told = dataset.run()
    assert code == 0, told
    assert second.items() <= dataset.committed().items()
    dataset.require_complete(expected)


def wait_for_units(dataset: Any, count: int) -> None:
    end = time.monotonic() + 400
    while len(list(dataset.output.glob("_semscore/units/*.json"))) < count:
        assert time.monotonic() < end
        time.sleep(0.1)


def stopped(dataset: Any, process: Any, says: str) -> dict[str, Any]:
    """Check how a run ends that has committed units. Return all that are committed."""
    out, log = process.communicate(timeout=120)
    assert process.returncode == 75, out + log
    assert says in log
    assert "To resume: semscore score " in log
    assert log.rstrip().endswith("--mode resume")
    found: dict[str, Any] = dataset.committed()
    return found


@pytest.mark.slow
def test_a_time_limit_that_is_near_ends_a_run_before_it(dataset: Any) -> None:
    start = time.monotonic()
    code, told = dataset.run("new", options=("--deadline", "46"))  # the margin, and a second
    assert code == 7, told
    assert time.monotonic() - start < 46
    assert "time limit" in told
