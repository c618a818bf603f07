"""The condition of --where, as all units of a dataset use it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from semscore.jobs.dataset.condition import settled_where


@pytest.fixture
def frame(spark: Any) -> Any:
    return spark.range(10).selectExpr("id", "timestamp_seconds(id) as at", "'a''b' as `odd name`")


@pytest.mark.parametrize(
    "where",
    [
        "id % 2 = 0",
        "pmod(xxhash64(id), 10) < 5",
        "`odd name` = 'a''b'",
        "id in (select id from range(3))",
        "exists(array(1, 2), x -> x = id)",
        "input_file_name() like '%part%'",  # where a row is from does not change
    ],
)
def test_a_condition_that_takes_the_same_rows_stays_as_it_is(frame: Any, where: str) -> None:
    assert settled_where(frame, where) == where


def test_no_condition_is_none(frame: Any) -> None:
    assert settled_where(frame, None) is None


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("id < 4 and at < current_timestamp()", 4),
        ("id < 4 and at < current_timestamp", 4),
        ("now() > at and `odd name` = 'a''b'", 10),
        ("date_sub(current_date(), 7) < at", 0),
        ("unix_timestamp() > id * 1.5 or id is null", 10),
        ("localtimestamp() > at and id between 2 and 3", 2),
    ],
)
def test_the_time_of_now_is_written_out(frame: Any, where: str, rows: int) -> None:
    settled = settled_where(frame, where)
    assert settled is not None
    assert not re.search(r"current|now|local", settled, re.I)
    assert frame.where(settled).count() == rows
    assert settled_where(frame, settled) == settled
