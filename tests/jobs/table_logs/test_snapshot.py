"""Snapshots: the deleted rows of their files."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql.types import LongType, StructField, StructType

from semscore.jobs.dataset.blocks import RowGroup
from semscore.jobs.dataset.listing import CountedFile, Part
from semscore.jobs.dataset.units import Unit, source_of
from semscore.jobs.table_logs.snapshot import NONE, LiveFile, Snapshot, count_between, united

URL = "file:///t/a.parquet"


def snapshot(*deleted: int) -> Snapshot:
    return Snapshot(
        format="Delta",
        name="/t",
        root="file:///t",
        id=3,
        schema=StructType([StructField("id", LongType())]),
        files=(LiveFile(URL),),
        positions={URL: np.array(deleted)} if deleted else {},
    )


def test_what_identifies_the_deleted_rows_changes_with_them() -> None:
    assert snapshot().deletes(URL) == ""
    assert snapshot(1, 2).deletes(URL) == snapshot(1, 2).deletes(URL) != ""
    assert snapshot(1, 2).deletes(URL) != snapshot(1, 3).deletes(URL)


def test_positions_are_united_and_counted() -> None:
    assert united([]) is NONE
    assert united([np.array([5, 1]), np.array([1, 9])]).tolist() == [1, 5, 9]
    assert count_between(np.array([1, 5, 9]), 1, 9) == 2


@pytest.mark.parametrize(("part", "live"), [(None, 97), ((0, 50), 49), ((50, 100), 48)])
def test_a_file_and_its_parts_have_their_live_rows(part: tuple[int, int] | None, live: int) -> None:
    deleted = np.array([3, 50, 99])
    group = (RowGroup(0, 100, 10),)
    span = Part(*part, group) if part else None
    rows = part[1] - part[0] if part else 100
    file = CountedFile(
        "file:///t", "a.parquet", 9, "tag", rows, 1, span, deletes="d", deleted=deleted
    )
    assert file.live_rows == Unit((file,)).rows == live
    assert source_of(file)["rows"] == rows  # in the file, so that parts add up
    assert source_of(file)["deletes"] == "d"
