"""Numbers in messages."""

from __future__ import annotations

from semscore.jobs.failures.wording import counted


def test_one_has_no_plural() -> None:
    numbers = (0, 1, 2, 1_200)
    assert [counted(number, "unit") for number in numbers] == [
        "0 units",
        "1 unit",
        "2 units",
        "1,200 units",
    ]
