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
