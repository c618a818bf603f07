"""Which columns a run reads."""

from __future__ import annotations

import pytest

from semscore.jobs.dataset.reads import Reads, columns_read
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Output, Rows


def reads(where: str | None = None, keep: tuple[str, ...] = ("id",)) -> Reads:
    settings = Settings(
        inputs=("in",),
        output="out",
        columns=Columns(keep=keep, text2="other text"),
        rows=Rows(where=where),
        target=Output(partition_by=("day",)),
    )
    return columns_read(settings)


def test_texts_kept_columns_and_folders_are_read() -> None:
    found = reads()
    assert [
        name for name in ("text1", "text2", "other text", "id", "day", "x") if name in found
    ] == [
        "text1",
        "other text",
        "id",
        "day",
    ]
    assert found.may_leave_out("id") and not found.may_leave_out("day")


def test_without_keep_all_columns_are_read() -> None:
    found = reads(keep=())
    assert "x" in found and found.may_leave_out("x") and not found.may_leave_out("text1")


@pytest.mark.parametrize(
    ("where", "column", "read"),
    [
        ("x > 1", "x", True),
        ("a.x > 1", "a", True),
        ("`a b` is null", "a b", True),
        ("`a``b` is null", "a`b", True),
        ("größe > 1", "größe", True),
        ("xy > 1", "x", False),
        ("X > 1", "x", False),
        ("x_1 > 1", "x", False),
        ("`a.b` > 1", "a.b", True),
    ],
)
def test_columns_of_the_condition_are_read(where: str, column: str, read: bool) -> None:
    assert (column in reads(where)) is read
    assert reads(where).may_leave_out(column) is not read
