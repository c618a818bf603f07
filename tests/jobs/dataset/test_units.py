"""Files to units: each file once, bounded, and named by their own files alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.jobs.dataset import units
from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.units import (
    GOOD_TASKS,
    MIN_TASK_ROWS,
    TASKS_PER_SLOT,
    UNIT_BYTES,
    UNIT_ROWS,
    Unit,
    group_files,
    task_count,
    unit_scale,
)
from semscore.jobs.hosts.executors import TASK_ROWS

FILES = st.lists(
    st.builds(
        CountedFile,
        root=st.sampled_from(["file:///a", "file:///b"]),
        path=st.integers(0, 10**6).map("{:07}.parquet".format),
        size=st.one_of(st.integers(0, 10_000), st.integers(0, 2 * UNIT_BYTES)),
        tag=st.just("t"),
        rows=st.one_of(st.integers(0, 1000), st.integers(0, 2 * UNIT_ROWS)),
        row_groups=st.integers(0, 9),
    ),
    unique_by=lambda file: file.url,
    max_size=40,
).map(lambda files: sorted(files, key=lambda file: file.url))


def file(
    path: str = "a.parquet", rows: int = 1, size: int = 1, root: str = "file:///in"
) -> CountedFile:
    return CountedFile(root=root, path=path, size=size, tag="t", rows=rows, row_groups=1)


@given(FILES)
def test_every_file_is_in_exactly_one_unit_and_in_order(files: list[CountedFile]) -> None:
    assert [file for unit in group_files(files) for file in unit.files] == files


@given(FILES)
def test_units_keep_the_bounds_unless_one_file_alone_exceeds_them(files: list[CountedFile]) -> None:
    for unit in group_files(files):
        size = sum(file.size for file in unit.files)
        assert len(unit.files) == 1 or (unit.rows <= UNIT_ROWS and size <= UNIT_BYTES)


@given(FILES)
def test_a_unit_has_one_root(files: list[CountedFile]) -> None:
    for unit in group_files(files):
        assert len({file.root for file in unit.files}) == 1


@given(FILES)
def test_units_are_as_large_as_the_bounds_allow(files: list[CountedFile]) -> None:
    found = list(group_files(files))
    for one, two in pairwise(found):
        first = two.files[0]
        size = sum(file.size for file in one.files)
        assert (
            first.root != one.files[0].root
            or one.rows + first.rows > UNIT_ROWS
            or size + first.size > UNIT_BYTES
        )


def test_units_grow_with_the_cluster() -> None:
    assert unit_scale(2, TASK_ROWS) == 1
    assert unit_scale(40, TASK_ROWS) == 16
    on_gpus = unit_scale(32, 90_000)
    files = [file(f"{n}.parquet", rows=UNIT_ROWS) for n in range(2 * on_gpus)]
    units = list(group_files(files, on_gpus))
    assert [len(unit.files) for unit in units] == [on_gpus, on_gpus]
    tasks = task_count(units[0].rows, 32, 90_000)
    assert tasks == 4 * 32
    assert units[0].rows / tasks == pytest.approx(90_000, rel=0.05)


@given(FILES)
def test_unit_ids_are_distinct(files: list[CountedFile]) -> None:
    ids = [unit.id for unit in group_files(files)]
    assert len(set(ids)) == len(ids)


def test_no_files_make_no_unit() -> None:
    assert list(group_files([])) == []


def test_an_empty_file_goes_with_its_neighbours() -> None:
    files = [file("a", rows=0), file("b", rows=UNIT_ROWS), file("c", rows=0)]
    assert list(group_files(files)) == [Unit(tuple(files))]


def test_a_unit_s_id_depends_on_where_size_and_tag_of_its_files_alone() -> None:
    one, two = file("a"), file("b")
    unit = Unit((one, two))
    assert unit.id == "48dacd2d3ef9"  # a changed rule would lose what is committed
    assert unit.id == Unit((replace(one, rows=99), replace(two, row_groups=7))).id
    for other in (
        Unit((one,)),
        Unit((two, one)),
        Unit((one, replace(two, root="file:///other"))),
        Unit((one, replace(two, path="c"))),
        Unit((one, replace(two, size=2))),
        Unit((one, replace(two, tag="u"))),
    ):
        assert other.id != unit.id


def test_a_unit_s_id_does_not_depend_on_other_files() -> None:
    large, small = file("b", rows=UNIT_ROWS + 1), file("c")
    alone = next(group_files([large])).id
    assert alone in {unit.id for unit in group_files([file("a"), large, small])}


def test_a_unit_adds_up_its_files() -> None:
    unit = Unit((file("a", rows=3), file("b", rows=4)))
    assert (unit.rows, unit.row_groups) == (7, 2)


@given(rows=st.integers(0, 10**9), slots=st.integers(1, 1000))
def test_there_are_enough_tasks_and_none_is_too_large(rows: int, slots: int) -> None:
    tasks = task_count(rows, slots)
    assert tasks >= 1
    assert rows <= tasks * TASK_ROWS
    if rows >= slots * MIN_TASK_ROWS:
        assert tasks % slots == 0


@given(slots=st.integers(1, 100))
def test_a_unit_of_the_usual_size_gives_every_slot_some_tasks(slots: int) -> None:
    tasks = task_count(slots * TASKS_PER_SLOT * TASK_ROWS // GOOD_TASKS, slots)
    assert tasks == slots * TASKS_PER_SLOT


@pytest.mark.parametrize(
    ("rows", "slots", "tasks"),
    [(0, 8, 1), (1, 8, 1), (2500, 8, 2), (8000, 8, 8), (20_000, 2, 4), (10**6, 2, 40)],
)
def test_few_rows_make_few_tasks(rows: int, slots: int, tasks: int) -> None:
    assert task_count(rows, slots) == tasks


def test_the_bounds_are_those_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "UNIT_ROWS", 5)
    files = [file(str(n), rows=2) for n in range(5)]
    assert [len(unit.files) for unit in group_files(files)] == [2, 2, 1]
