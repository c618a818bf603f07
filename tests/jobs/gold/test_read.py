"""Labels and scores are read from all files, in bounded memory."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.gold import read
from semscore.jobs.gold.column import require_numbers
from semscore.jobs.gold.read import Labels, read_labels
from semscore.jobs.ledger.committed import DataFile
from semscore.udfs.errors import UserError
from semscore.udfs.stores.local_folder import LocalFolder


def written(home: Path, path: str, labels: Any, scores: Any = None, **options: Any) -> DataFile:
    """Write a file with texts, whose scores are 0, 0.001, … unless given."""
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    count = len(labels)
    values = [k / 1000 for k in range(count)] if scores is None else scores
    columns = {"text": ["t"] * count, "s": pa.array(values, pa.float32()), "label": labels}
    pq.write_table(pa.table(columns), file, **options)
    return DataFile(path, count, file.stat().st_size)


def found(home: Path, files: list[DataFile]) -> Labels:
    return read_labels(LocalFolder(str(home)), files, "s", "label")


def test_pairs_with_both_are_read_and_the_others_counted(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "k=1/a.parquet", [1.0, None, 0.0, float("nan")]),
        written(tmp_path, "k=2/b.parquet", [1.0, 0.0, float("inf")], [0.5, None, 0.25]),
    ]
    labels = found(tmp_path, files)
    assert (labels.rows, labels.labelled, labels.pairs) == (7, 4, 3)
    pairs = sorted(zip(labels.labels, labels.scores, strict=True))
    assert pairs == [(0, pytest.approx(0.002)), (1, 0), (1, 0.5)]


@pytest.mark.parametrize(
    "labels",
    [
        [True, None, False],
        pa.array([1, None, 0], pa.int8()),
        pa.array([1, None, 0], pa.uint64()),
        pa.array([1, None, 0], pa.float32()),
        [Decimal("1.0"), None, Decimal("0.0")],
        pa.array([1, None, 0], pa.int64()).dictionary_encode(),
    ],
)
def test_numbers_of_any_type_are_labels(tmp_path: Path, labels: Any) -> None:
    assert sorted(found(tmp_path, [written(tmp_path, "a.parquet", labels)]).labels) == [0, 1]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["1", None, "0"], "string"),
        ([dt.datetime(2026, 1, 1)] * 3, r"timestamp\[us\]"),
        ([dt.timedelta(1)] * 3, r"duration\[us\]"),
        ([[1], [0], [1]], "list<element: int64>|list<item: int64>"),
    ],
)
def test_a_column_of_anything_else_is_named(tmp_path: Path, labels: Any, kind: str) -> None:
    file = written(tmp_path, "a.parquet", labels)
    with pytest.raises(UserError, match=f"--gold 'label' is a column of type ({kind}). Labels"):
        found(tmp_path, [file])


def test_categories_of_numbers_are_numbers() -> None:
    require_numbers("x", "dictionary<values=int64, indices=int8, ordered=0>")
    with pytest.raises(UserError, match="of type dictionary<values=string"):
        require_numbers("x", "dictionary<values=string, indices=int8, ordered=0>")


def test_a_column_that_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    file = written(tmp_path, "a.parquet", [1])
    with pytest.raises(UserError) as error:
        read_labels(LocalFolder(str(tmp_path)), [file], "s", "labels")
    assert (
        f"--gold 'labels' is not a column of the files in {tmp_path} (did you mean 'label'?); "
        "they have: text, s, label."
    ) in str(error.value)


def test_no_files_and_no_labels(tmp_path: Path) -> None:
    assert found(tmp_path, []).pairs == 0
    missing = pa.array([None, None], pa.null())
    labels = found(tmp_path, [written(tmp_path, "a.parquet", missing)])
    assert (labels.rows, labels.labelled, labels.pairs, len(labels.scores)) == (2, 0, 0, 0)


@pytest.mark.parametrize("statistics", [True, False])
def test_row_groups_without_labels_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statistics: bool
) -> None:
    decoded: list[int] = []

    def doubles(column: pa.Array) -> np.ndarray:
        decoded.append(len(column))
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)

    monkeypatch.setattr(read, "_doubles", doubles)
    some = [None] * 10 + [1.0] + [None] * 9 + [None] * 10
    file = written(tmp_path, "a.parquet", some, row_group_size=10, write_statistics=statistics)
    assert found(tmp_path, [file]).pairs == 1
    assert sum(decoded) == 2 * (10 if statistics else 30)


def test_of_many_pairs_a_random_sample_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a pair is stands in its score: sampled pairs are from all files and all parts."""
    monkeypatch.setattr(read, "MOST_PAIRS", 500)
    monkeypatch.setattr(read, "BATCH_ROWS", 100)
    files = [
        written(tmp_path, f"{k}.parquet", [1.0] * 1000, [k + n / 1000 for n in range(1000)])
        for k in range(10)
    ]
    labels = found(tmp_path, files)
    assert (labels.labelled, labels.pairs, len(labels.scores)) == (10_000, 10_000, 500)
    assert len(set(labels.scores)) == 500
    counts, _ = np.histogram(labels.scores, bins=20, range=(0, 10))
    assert counts.min() > 8  # 25 expected in each half of a file
    again = found(tmp_path, files[::-1])
    assert np.array_equal(again.scores, labels.scores)
