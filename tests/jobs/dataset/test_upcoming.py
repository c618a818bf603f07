"""Units are made as footers come; what is not known yet is estimated by size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from semscore.jobs.dataset.listing import BadFile, CountedFile
from semscore.jobs.dataset.units import Division
from semscore.jobs.dataset.upcoming import Upcoming

SIZE = 10


def file(number: int, rows: int = 3) -> CountedFile:
    return CountedFile("file:///in", f"{number:02}.parquet", SIZE, "t", rows, 1)


def test_a_unit_waits_for_no_file_but_the_one_after_it() -> None:
    asked: list[int] = []

    def files() -> Iterator[CountedFile]:
        for number in range(20):
            asked.append(number)
            yield file(number)

    upcoming = Upcoming(files(), 20 * SIZE, Division(6))
    first = upcoming.peek()
    assert first is not None
    assert [one.path for one in first.files] == ["00.parquet", "01.parquet"]
    assert asked == [0, 1, 2]
    assert upcoming.take() is first
    assert not upcoming.exact
    assert (upcoming.units, upcoming.rows) == (10, 60)


def test_estimates_follow_what_was_seen_and_end_in_what_there_is() -> None:
    rows = [3, 3, 6, 6, 6, 6]
    upcoming = Upcoming(
        (file(n, count) for n, count in enumerate(rows)), len(rows) * SIZE, Division(6)
    )
    upcoming.peek()
    assert (upcoming.units, upcoming.rows) == (3, 18)
    taken = 0
    while upcoming.peek():
        upcoming.take()
        taken += 1
    assert upcoming.exact
    assert (taken, upcoming.units, upcoming.rows) == (5, 5, 30)
    with pytest.raises(IndexError):
        upcoming.take()


def test_bad_files_are_set_aside() -> None:
    bad = BadFile("file:///in/x", "it is empty")
    upcoming = Upcoming([file(0), bad, file(1)], 3 * SIZE, Division(6))
    upcoming.make_all()
    unit = upcoming.take()
    assert [one.path for one in unit.files] == ["00.parquet", "01.parquet"]
    assert upcoming.bad == [bad]


def test_nothing_is_upcoming_of_nothing() -> None:
    upcoming = Upcoming((), 0)
    assert upcoming.peek() is None
    assert (upcoming.exact, upcoming.units, upcoming.rows) == (True, 0, 0)


def test_known_rows_are_exact_while_units_are_estimated() -> None:
    upcoming = Upcoming([file(n) for n in range(20)], 20 * SIZE, Division(6), rows=60)
    assert upcoming.exact
    assert (upcoming.units, upcoming.rows) == (10, 60)


def test_a_file_that_turned_out_to_be_bad_is_listed_once() -> None:
    upcoming, bad = (
        Upcoming([file(0)], SIZE, Division(6)),
        BadFile("file:///in/00.parquet", "it is gone"),
    )
    upcoming.set_aside([bad])
    upcoming.set_aside([bad])
    assert upcoming.bad == [bad]
