"""What is owed: files that no record names; what was scored must still be there as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.owed import owed
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.errors import UserError

FILES = [
    CountedFile(root="file:///in", path=f"{name}.parquet", size=10, tag="t", rows=3, row_groups=1)
    for name in "abcd"
]


def record(*files: CountedFile) -> UnitRecord:
    sources = [{"path": f.url, "size": f.size, "tag": f.tag, "rows": f.rows} for f in files]
    return UnitRecord("u", "r", 1, "f", sources, [], 0, {}, "", "", {}, {}, {})


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
