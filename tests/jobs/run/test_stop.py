"""When a run starts no further units, and when it gives up running units."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from semscore.jobs.hosts import inside_job as processing_job
from semscore.jobs.options.slices import Limits
from semscore.jobs.run import cost
from semscore.jobs.run import stop as module
from semscore.jobs.run.cost import Cost
from semscore.jobs.run.stop import GRACE_S, MARGIN_S, Stop


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time is clock[0]; this process began at 1,000."""
    now = [1000.0]
    monkeypatch.setattr(module, "time", lambda: now[0])
    monkeypatch.setattr(cost, "time", lambda: now[0])
    monkeypatch.setattr(processing_job.psutil.Process, "create_time", lambda _: 1000.0)
    return now


def test_without_limits_nothing_stops(clock: list[float]) -> None:
    stop = Stop(Limits())
    clock[0] += 10**9
    assert stop.may_begin(10**9, 1.0)
    assert not stop.drops
    assert stop.reason is None


def test_a_trial_has_so_many_units() -> None:
    stop = Stop(Limits(max_units=2))
    assert [stop.may_begin(1, None) for _ in range(4)] == [True, True, False, False]
    assert (stop.reason, stop.is_success) == ("--max-units is reached", True)
    assert not stop.drops
    assert not stop.in_haste


def test_no_unit_begins_that_would_not_be_done_in_time(clock: list[float]) -> None:
    stop = Stop(Limits(deadline=MARGIN_S + 100))
    assert stop.may_begin(1000, None), "nothing is known of the pace yet"
    assert stop.may_begin(1000, 20.0)
    assert not stop.may_begin(1000, 10.5), "a unit may take longer than its rows say"
    assert stop.reason == "no other unit would finish before the time limit"
    assert not stop.drops
    clock[0] += 100
    assert stop.drops


def test_units_in_work_are_dropped_before_the_limit(clock: list[float]) -> None:
    stop = Stop(Limits(deadline=MARGIN_S + 100))
    assert stop.may_begin(1, None)
    clock[0] += 101
    assert stop.drops
    assert stop.reason == "the time limit is reached"
    assert stop.in_haste
    assert not stop.may_begin(1, None)


def test_sagemakers_limit_counts_from_the_start_of_its_container(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "processingjobconfig.json"
    config.write_text(json.dumps({"StoppingCondition": {"MaxRuntimeInSeconds": 3600}}))
    monkeypatch.setattr(processing_job, "JOB", config)
    stop = Stop(Limits())
    clock[0] += 3600 - MARGIN_S - 1
    assert not stop.drops
    clock[0] += 1
    assert stop.drops
    assert Stop(Limits(deadline=10**6)).may_begin(1, None), "what the user says wins"


def test_a_budget_ends_sooner_with_more_hosts(clock: list[float]) -> None:
    stop, hosts = Stop(Limits(deadline=10**6)), [1]
    stop.cap(Cost(1.0, 3.6, lambda: hosts[0], stop.began), 3.0)  # 0.001 per host and second
    assert stop.left_s == pytest.approx(2000 - MARGIN_S)
    clock[0] += 1000
    assert stop.left_s == pytest.approx(1000 - MARGIN_S)
    hosts[0] = 2
    assert stop.left_s == pytest.approx(500 - MARGIN_S)
    assert not stop.may_begin(500, 1.0)
    assert stop.reason == "no other unit would finish within --max-cost"
    assert not stop.is_success
    clock[0] += 500 - MARGIN_S
    assert stop.drops
    assert stop.reason == "--max-cost is reached"


def test_before_the_cost_is_reached_time_is_left_for_the_report(clock: list[float]) -> None:
    stop = Stop(Limits())
    stop.cap(Cost(0.0, 3600.0, lambda: 1, stop.began), 1.0)
    assert stop.drops
    assert not stop.in_haste


@pytest.mark.parametrize("content", ["{}", "not JSON", '{"StoppingCondition": null}'])
def test_a_job_without_a_limit_has_none(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "processingjobconfig.json"
    config.write_text(content)
    monkeypatch.setattr(processing_job, "JOB", config)
    assert Stop(Limits()).may_begin(1, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_time_and_a_second_one_does_not(number: signal.Signals) -> None:
    stop, before = Stop(Limits()), signal.getsignal(number)
    with stop.signals():
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        assert stop.reason == number.name
        assert not stop.may_begin(1, None)
        assert not stop.drops
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            time.sleep(1)
    assert signal.getsignal(number) == before


def test_after_a_while_a_signal_drops_what_is_in_work(clock: list[float]) -> None:
    stop = Stop(Limits())
    with stop.signals():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
    clock[0] += GRACE_S + 1
    assert stop.drops
