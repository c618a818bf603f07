"""Blocks and parts depend on the file alone, and cover it once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from semscore.jobs.dataset.blocks import (
    BLOCK_ROWS,
    MOST_PIECES,
    RowGroup,
    RowGroups,
    part_end,
    row_groups_of,
    within,
)

SIZES = st.lists(st.integers(1, 5 * BLOCK_ROWS), min_size=1, max_size=9)


def groups_of(sizes: list[int]) -> RowGroups:
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [RowGroup(start, rows, 10 * start) for start, rows in zip(starts, sizes, strict=True)]


def parts(groups: RowGroups, most: int) -> list[tuple[int, int]]:
    found, start, stop = [], 0, groups[-1].stop
    while start < stop:
        end = part_end(groups, start, stop, most)
        found.append((start, end))
        start = end
    return found


def edges(groups: RowGroups) -> set[int]:
    """Where blocks end."""
    found = {group.stop for group in groups}
    return found.union(*(range(group.start, group.stop, group.piece_rows) for group in groups))


@given(SIZES, st.integers(1, 8 * BLOCK_ROWS))
def test_parts_cover_a_file_once_in_whole_blocks(sizes: list[int], most: int) -> None:
    groups = groups_of(sizes)
    found = parts(groups, most)
    assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
    assert {end for _, end in found} <= edges(groups)
    for start, end in found:
        inside = within(groups, start, end)
        whole = (start, end) == (inside[0].start, inside[-1].stop)
        assert whole or len(inside) == 1, "pieces are of one row group"
        assert end - start <= max(most, BLOCK_ROWS)


@given(SIZES, st.lists(st.integers(1, 8 * BLOCK_ROWS), min_size=1))
def test_parts_of_changing_sizes_end_where_blocks_do(sizes: list[int], most: list[int]) -> None:
    """So the rows that are left can be divided in any other way."""
    groups, start = groups_of(sizes), 0
    for rows in most:
        if start < groups[-1].stop:
            start = part_end(groups, start, groups[-1].stop, rows)
            assert start in edges(groups)


def test_whole_row_groups_are_taken_where_they_fit() -> None:
    groups = groups_of([30_000, 30_000, 30_000])
    assert parts(groups, 65_000) == [(0, 60_000), (60_000, 90_000)]
    assert parts(groups, 12_000)[:3] == [(0, 12_000), (12_000, 24_000), (24_000, 30_000)]


def test_a_gap_between_scored_rows_bounds_a_part() -> None:
    groups = groups_of([30_000, 30_000])
    assert part_end(groups, 4_000, 10_000, 100_000) == 10_000
    assert part_end(groups, 4_000, 60_000, 100_000) == 30_000


def test_a_huge_row_group_has_a_bounded_number_of_pieces() -> None:
    [group] = groups_of([100_000_001])
    assert group.piece_rows == 50_001
    assert -(-group.rows // group.piece_rows) <= MOST_PIECES


def test_row_groups_are_those_of_the_footer(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(1000)), "b": [f"text {k}" for k in range(1000)]})
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for start, rows in ((0, 600), (600, 0), (600, 400)):
            writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    groups = row_groups_of(metadata)
    assert [(group.start, group.rows, group.stop) for group in groups] == [
        (0, 600, 600),
        (600, 400, 1000),
    ]
    middles = [group.middle for group in groups]
    assert middles == sorted(middles)
    assert 4 < middles[0] < middles[1] < (tmp_path / "a.parquet").stat().st_size
