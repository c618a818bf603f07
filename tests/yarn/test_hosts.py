"""Processing jobs on hosts that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.services import pairs

pytestmark = pytest.mark.yarn
ROWS = 8_000


def test_a_host_that_falls_silent_leaves_its_work_to_the_others(
    submitted: Callable[..., Any],
) -> None:
    job = submitted(ROWS, "ml.g4dn.xlarge", 2, "--unit-rows", "2000")
    job.start()
    job.wait_for_units(1)
    victim = job.hosts[-1]
    victim.unplug()
    victim.kill()
    assert job.finish() == 0, job.message + job.log()[-6000:]
    pairs.require_scored(job.table(), ROWS)
    assert job.units.statuses.total() == job.units.rows == ROWS


@pytest.mark.slow
def test_a_second_job_goes_on_when_the_primary_dies(submitted: Callable[..., Any]) -> None:
    """The first job's worker host lives on for 20 s, and its executor may still write."""
    options = ("--unit-rows", "2000", "--mode", "resume")
    first = submitted(ROWS, "ml.g4dn.xlarge", 2, *options)
    first.start()
    first.wait_for_units(1)
    first.primary.unplug()
    first.primary.kill()
    second = submitted(ROWS, "ml.g4dn.xlarge", 1, *options, output=first.output)
    second.start()
    assert second.finish() == 0, second.message + second.log()[-6000:]
    pairs.require_scored(second.table(), ROWS)
    assert second.units.statuses.total() == second.units.rows == ROWS
    assert first.hosts[1].wait(120) == 0, "a worker host leaves when the primary is gone"
