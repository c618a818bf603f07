"""The driver is killed, at every step and at any time: nothing is lost, doubled or done again."""

from __future__ import annotations

import random
import shutil
import signal
import time
from typing import Any

import pytest
from deltalake import DeltaTable

pytestmark = pytest.mark.faults

# What comes once in a run, each time in a run that still has work; each step of some unit in the
# midst of others; what comes when all units are done.
AT_FIRST = ["lease-before", "lease-after", "takeover-before", "takeover-after", "begin-before"]
AT_FIRST += ["begin-after", "reopen-before", "reopen-after", "clear-before", "clear-after"]
IN_UNITS = ["stage-before", "stage-after", "publish-before"]
IN_UNITS += ["copy-before", "copy-after", "publish-after", "commit-before", "commit-after"]
IN_UNITS += ["discard-before", "discard-after"]
AT_LAST = ["audit-before", "audit-after", "finish-before", "manifest-before", "manifest-after"]
AT_LAST += ["success-before", "success-after", "finish-after"]
AFTER_A_TRIAL = ["takeover-before", "takeover-after", "reopen-before", "reopen-after"]
AFTER_A_TRIAL += ["clear-before", "clear-after", "stage-after", "copy-after", "commit-before"]
AFTER_A_TRIAL += ["commit-after"]
SOME = {"stage-after", "copy-after", "commit-before", "manifest-after"}


def kill_at(dataset: Any, points: list[str], expected: dict[int, float]) -> None:
    """Kill a run at each point in turn, each run going on with what the one before left."""
    before: dict[str, Any] = {}
    for point in points:
        occurrence = 2 if point in IN_UNITS else 1
        code, told = dataset.run(point=point, occurrence=occurrence, signal="SIGKILL")
        assert code == -signal.SIGKILL, f"{point}: exit code {code}\n{told}"
        after = dataset.committed()
        again = {id_ for id_ in before if after.get(id_) != before[id_]}
        assert not again, f"{point}: a committed unit was lost or done again"
        before = after
    code, told = dataset.run()
    assert code == 0, told
    assert before.items() <= dataset.committed().items()
    dataset.require_complete(expected)


def test_killed_at_some_points(dataset: Any, expected: dict[int, float]) -> None:
    points = [*AT_FIRST, *IN_UNITS, *AT_LAST]
    kill_at(dataset, [point for point in points if point in SOME], expected)


@pytest.mark.slow
def test_killed_at_every_point(dataset: Any, expected: dict[int, float]) -> None:
    kill_at(dataset, [*AT_FIRST, *IN_UNITS, *AT_LAST], expected)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["files", "row groups", "pieces", "partitions"], indirect=True)
def test_killed_at_every_point_of_a_unit(dataset: Any, expected: dict[int, float]) -> None:
    """What comes before and after the units does not depend on the shape of INPUT."""
    kill_at(dataset, IN_UNITS, expected)


@pytest.mark.slow
def test_a_trial_is_continued_though_runs_are_killed(
    dataset: Any, expected: dict[int, float]
) -> None:
    """Units of which --limit left out rows are scored again, whatever happens in between."""
    code, told = dataset.run("new", options=("--limit", "320"))
    assert code == 0, told
    trial = shutil.copytree(dataset.output, dataset.output.with_name("trial"))
    for point in AFTER_A_TRIAL:
        shutil.rmtree(dataset.output)
        shutil.copytree(trial, dataset.output)
        code, told = dataset.run(point=point, occurrence=1, signal="SIGKILL")
        assert code == -signal.SIGKILL, f"{point}: exit code {code}\n{told}"
        dataset.scores()  # each row is there at most once
        code, told = dataset.run()
        assert code == 0, told
        dataset.require_complete(expected)


@pytest.mark.slow
def test_killed_at_random_times(dataset: Any, expected: dict[int, float]) -> None:
    times = [random.uniform(4, 14) for _ in range(10)]
    for seconds in times:
        process = dataset.start()
        time.sleep(seconds)
        process.kill()
        process.communicate()
        dataset.committed()
    code, told = dataset.run()
    assert code == 0, f"killed after {times}: {told}"
    dataset.require_complete(expected)


def test_killed_around_the_commit_of_a_table(dataset: Any, expected: dict[int, float]) -> None:
    options = ("--output-format", "delta")
    for point in ("table-before", "table-after", "manifest-after"):
        code, told = dataset.run(options=options, point=point, occurrence=1, signal="SIGKILL")
        assert code == -signal.SIGKILL, f"{point}: exit code {code}\n{told}"
    code, told = dataset.run(options=options)
    assert code == 0, told
    table = DeltaTable(dataset.output)
    assert (table.version(), table.count()) == (0, len(expected))  # committed once
    assert dataset.scores() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "point",
    [
        "copy-before",
        pytest.param("publish-before", marks=pytest.mark.slow),
        pytest.param("commit-before", marks=pytest.mark.slow),
        pytest.param("stage-before", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_was_stopped_past_its_lease_does_no_harm_when_it_wakes_up(
    dataset: Any, expected: dict[int, float], point: str
) -> None:
    stopped = dataset.start("new", point=point, occurrence=3, signal="SIGSTOP")
    try:
        wait_for_unit(dataset)
        time.sleep(3)  # until it has come to its point
        require_in_use(dataset, stopped.pid)
        code, told = dataset.run(elsewhere=True)
        assert code == 0, told
        done = dataset.committed()
        stopped.send_signal(signal.SIGCONT)
        out, log = stopped.communicate(timeout=120)
        assert stopped.returncode == 5, out + log
        assert "has taken over OUTPUT" in log
    finally:
        stopped.kill()
        stopped.communicate()
    assert dataset.committed() == done
    dataset.require_complete(expected)


def require_in_use(dataset: Any, pid: int) -> None:
    """A second run ends before it does anything, as long as the first one may be alive."""
    before = dataset.committed()
    code, told = dataset.run()
    assert code == 5, told
    assert "is writing to OUTPUT" in told and f"process {pid}" in told
    assert dataset.committed() == before


def wait_for_unit(dataset: Any) -> None:
    end = time.monotonic() + 400
    while not list(dataset.output.glob("_semscore/units/*.json")):
        assert time.monotonic() < end, "no unit was committed within three minutes"
        time.sleep(0.1)
