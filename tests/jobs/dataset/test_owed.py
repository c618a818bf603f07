"""What is owed: files that no record names; what was scored must still be there as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.owed import outgrown, owed, partly_scored
from semscore.jobs.ledger.committed import UNRECORDED, CommittedUnit
from semscore.udfs.errors import UserError

FILES = [
    CountedFile(root="file:///in", path=f"{name}.parquet", size=10, tag="t", rows=3, row_groups=1)
    for name in "abcd"
]


def record(*files: CountedFile) -> CommittedUnit:
    sources = [{"path": f.url, "size": f.size, "tag": f.tag, "rows": f.rows} for f in files]
    return CommittedUnit(
        id="u", run="r", lease=1, sources=sources, files=[], rows=0, started="", ended=""
    )


def test_nothing_scored_everything_is_owed() -> None:
    assert owed(FILES, []) == tuple(FILES)


def test_files_in_no_record_are_owed_in_their_order() -> None:
    assert owed(FILES, [record(FILES[2]), record(FILES[0])]) == (FILES[1], FILES[3])
    assert owed(FILES, [record(*FILES)]) == ()


def test_new_files_are_owed() -> None:
    assert owed(FILES, [record(*FILES[:3])]) == (FILES[3],)


@pytest.mark.parametrize("change", [{"size": 11}, {"tag": "later"}])
def test_a_scored_file_that_changed_is_named(change: dict[str, object]) -> None:
    now = [replace(FILES[0], **change), *FILES[1:]]
    with pytest.raises(UserError, match=r"^file:///in/a\.parquet changed after being scored"):
        owed(now, [record(*FILES[:2])])
    assert owed(now, [record(FILES[1])])[0] == now[0]  # not scored yet: as good as new


def test_a_scored_file_that_is_gone_is_named() -> None:
    with pytest.raises(UserError, match=r"no longer has file:///in/b\.parquet, although OUTPUT"):
        owed([FILES[0], *FILES[2:]], [record(*FILES[:2])])


def of_parts(file: CountedFile, *parts: tuple[int, int]) -> CommittedUnit:
    whole = record(file)
    part = {**whole.sources[0], "file_rows": 9}
    sources = [
        {**part, "rows": stop - start, "start": start, "stop": stop} for start, stop in parts
    ]
    return replace(whole, sources=sources)


def test_a_file_is_owed_until_all_its_parts_are_scored() -> None:
    half = [of_parts(FILES[1], (0, 4)), record(FILES[0])]
    assert owed(FILES, half) == tuple(FILES[1:])
    assert partly_scored(half) == {FILES[1].url: [(0, 4)]}
    rest = [*half, of_parts(FILES[1], (6, 9)), of_parts(FILES[1], (4, 6))]
    assert owed(FILES, rest) == (FILES[2], FILES[3])
    assert partly_scored(rest) == {}


def test_a_partly_scored_file_must_not_change() -> None:
    now = [replace(FILES[0], tag="later"), *FILES[1:]]
    with pytest.raises(UserError, match="changed after being scored"):
        owed(now, [of_parts(FILES[0], (0, 4))])


@pytest.mark.parametrize(
    ("cut_at", "begun_with", "limit", "expected"),
    [
        (None, 100, None, False),  # has all rows of its sources
        (100, 100, 100, False),
        (100, 100, 200, True),
        (100, 100, None, True),
        (200, 100, 200, False),  # cut when the limit had been raised
        (UNRECORDED, None, None, False),
        (UNRECORDED, 100, 100, False),
        (UNRECORDED, 100, 101, True),
        (UNRECORDED, 100, None, True),
    ],
)
def test_a_unit_is_outgrown_if_a_larger_limit_would_have_more_of_its_rows(
    cut_at: int | None, begun_with: int | None, limit: int | None, expected: bool
) -> None:
    unit = replace(record(FILES[0]), cut_at=cut_at)
    assert outgrown(unit, begun_with, limit) == expected
