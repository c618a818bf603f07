"""Files to units: each file once, bounded, and named by their own files alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.jobs.dataset.blocks import BLOCK_ROWS, RowGroup
from semscore.jobs.dataset.listing import CountedFile, Part
from semscore.jobs.dataset.units import (
    GOOD_TASKS,
    MIN_TASK_ROWS,
    TASKS_PER_SLOT,
    UNIT_BYTES,
    UNIT_ROWS,
    UNIT_S,
    Division,
    Unit,
    fitting,
    gaps,
    row_flop,
    rows_in_time,
    task_count,
    unit_scale,
)
from semscore.jobs.hosts.executors import TASK_ROWS
from semscore.udfs.models.flops import LOOKUPS, Architecture

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
    assert [file for unit in Division().units(files) for file in unit.files] == files


@given(FILES)
def test_units_keep_the_bounds_unless_one_file_alone_exceeds_them(files: list[CountedFile]) -> None:
    for unit in Division().units(files):
        size = sum(file.size for file in unit.files)
        assert len(unit.files) == 1 or (unit.rows <= UNIT_ROWS and size <= UNIT_BYTES)


@given(FILES)
def test_a_unit_has_one_root(files: list[CountedFile]) -> None:
    for unit in Division().units(files):
        assert len({file.root for file in unit.files}) == 1


@given(FILES)
def test_units_are_as_large_as_the_bounds_allow(files: list[CountedFile]) -> None:
    found = list(Division().units(files))
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
    units = list(Division(rows=UNIT_ROWS * on_gpus, size=UNIT_BYTES * on_gpus).units(files))
    assert [len(unit.files) for unit in units] == [on_gpus, on_gpus]
    tasks = task_count(units[0].rows, 32, 90_000)
    assert tasks == 4 * 32
    assert units[0].rows / tasks == pytest.approx(90_000, rel=0.05)


@given(FILES)
def test_unit_ids_are_distinct(files: list[CountedFile]) -> None:
    ids = [unit.id for unit in Division().units(files)]
    assert len(set(ids)) == len(ids)


def test_no_files_make_no_unit() -> None:
    assert list(Division().units([])) == []


def test_an_empty_file_goes_with_its_neighbours() -> None:
    files = [file("a", rows=0), file("b", rows=UNIT_ROWS), file("c", rows=0)]
    assert list(Division().units(files)) == [Unit(tuple(files))]


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
    alone = next(Division().units([large])).id
    assert alone in {unit.id for unit in Division().units([file("a"), large, small])}


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
    [(0, 8, 1), (1, 8, 1), (600, 8, 2), (2000, 8, 8), (20_000, 2, 4), (10**6, 2, 40)],
)
def test_few_rows_make_few_tasks(rows: int, slots: int, tasks: int) -> None:
    assert task_count(rows, slots) == tasks


MINILM = Architecture(10_600_000, layers=6, hidden=384)
BERT = Architecture(85_000_000, layers=12, hidden=768)


@pytest.mark.parametrize(
    ("model", "size", "task_rows"),
    [
        (MINILM, 20, 25_000),
        (MINILM, 100, 23_000),
        (MINILM, 2000, 1000),
        (MINILM, 10**6, 1000),  # only the beginning is read
        (BERT, 100, 2900),
        (LOOKUPS, 10**6, 25_000),
    ],
)
def test_tasks_have_fewer_rows_if_these_take_long(
    model: Architecture, size: int, task_rows: int
) -> None:
    flop = row_flop(model, [size, size], None)
    assert fitting(TASK_ROWS, flop) == pytest.approx(task_rows, rel=0.1)


def test_a_smaller_limit_makes_rows_cheaper() -> None:
    assert row_flop(BERT, [1000], 64) == BERT.flop(64) < row_flop(BERT, [1000], None)


def test_a_slow_model_uses_all_slots_for_few_rows() -> None:
    huge = fitting(TASK_ROWS, 7e11)
    assert huge == 36
    assert task_count(8, 8, huge) == 8
    assert rows_in_time(None, slots=8, task_rows=huge) == 8 * TASKS_PER_SLOT


def test_small_files_share_a_unit_of_any_size() -> None:
    files = [file(str(n), rows=2) for n in range(5)]
    assert [len(unit.files) for unit in Division(rows=5).units(files)] == [2, 2, 1]


def row_groups(*sizes: int) -> list[RowGroup]:
    return [RowGroup(sum(sizes[:k]), rows, 100 * k) for k, rows in enumerate(sizes)]


def division(rows: int, groups: list[RowGroup], **scored: list[tuple[int, int]]) -> Division:
    by_url = {f"file:///in/{name}": parts for name, parts in scored.items()}
    return Division(rows=rows, groups=lambda _: groups, scored=by_url)


def spans(units: Iterable[Unit]) -> list[list[tuple[str, int, int]]]:
    return [
        [(f.path, f.part.start, f.part.stop) if f.part else (f.path, 0, f.rows) for f in unit.files]
        for unit in units
    ]


def test_a_large_file_is_divided_and_its_neighbours_are_not() -> None:
    groups = row_groups(10_000, 10_000, 10_000)
    files = [file("a", rows=10), file("b", rows=30_000), file("c", rows=20), file("d", rows=30)]
    found = list(division(20_000, groups).units(files))
    assert spans(found) == [
        [("a", 0, 10)],
        [("b", 0, 20_000)],
        [("b", 20_000, 30_000)],
        [("c", 0, 20), ("d", 0, 30)],
    ]
    assert [unit.rows for unit in found] == [10, 20_000, 10_000, 50]
    assert [unit.row_groups for unit in found] == [1, 2, 1, 2]
    assert "rows 20,000 to 29,999" in found[2].what


def test_only_what_is_left_of_a_file_is_divided() -> None:
    groups = row_groups(10_000, 10_000, 10_000)
    found = division(8_000, groups, b=[(4_000, 8_000), (20_000, 30_000)]).units(
        [file("a"), file("b", rows=30_000), file("c")]
    )
    assert spans(found) == [
        [("a", 0, 1)],
        [("b", 0, 4_000)],
        [("b", 8_000, 10_000)],
        [("b", 10_000, 18_000)],
        [("b", 18_000, 20_000)],
        [("c", 0, 1)],
    ]


def test_a_file_whose_rows_are_one_block_is_a_unit_as_it_always_was() -> None:
    alone = file("b", rows=BLOCK_ROWS)
    found = list(division(5, row_groups(BLOCK_ROWS)).units([file("a"), alone]))
    assert found == [Unit((file("a"),)), Unit((alone,))]


def test_where_parts_cannot_be_read_files_stay_whole() -> None:
    large = file("b", rows=10 * UNIT_ROWS)
    assert list(Division().units([large])) == [Unit((large,))]


def test_the_rest_of_a_bad_file_is_left_out() -> None:
    bad: list[str] = []
    units = division(10_000, row_groups(10_000, 10_000, 10_000)).units(
        [file("a", rows=30_000), file("b")], lambda url: url in bad
    )
    assert spans([next(units)]) == [[("a", 0, 10_000)]]
    bad.append("file:///in/a")
    assert spans(units) == [[("b", 0, 1)]]


def test_the_size_of_units_can_be_changed_within_a_file() -> None:
    groups = row_groups(*[1_000] * 100)
    division = Division(rows=1_000, groups=lambda _: groups)
    units = division.units([file("a", rows=100_000)])
    assert next(units).rows == 1_000
    division.rows = 7_000
    assert next(units).rows == 7_000
    division.rows = 3_000
    assert next(units).rows == 3_000


def test_the_ids_of_parts_are_distinct_and_depend_on_the_rows_alone() -> None:
    parts = [Part(0, 5, row_groups(10)), Part(5, 10, row_groups(10)), Part(0, 10, row_groups(10))]
    ids = {Unit((replace(file("a"), part=part),)).id for part in parts}
    assert len(ids | {Unit((file("a"),)).id}) == 4
    assert Unit((replace(file("a"), part=Part(0, 5, row_groups(9, 9))),)).id in ids


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)), st.integers(0, 30))
def test_gaps_are_the_rows_that_are_not_scored(scored: list[list[int]], rows: int) -> None:
    parts = [(start, min(stop, rows)) for start, stop in scored if start < rows]
    left = {row for start, stop in gaps(parts, rows) for row in range(start, stop)}
    taken = {row for start, stop in parts for row in range(start, stop)}
    assert left == set(range(rows)) - taken


def test_a_unit_takes_some_minutes_and_gives_each_slot_a_task() -> None:
    assert rows_in_time(100.0, slots=2, task_rows=TASK_ROWS) == 100 * UNIT_S
    assert rows_in_time(0.5, slots=4, task_rows=TASK_ROWS) == 4 * TASKS_PER_SLOT * MIN_TASK_ROWS
    assert rows_in_time(None, slots=2, task_rows=TASK_ROWS) == 2 * TASKS_PER_SLOT * MIN_TASK_ROWS
