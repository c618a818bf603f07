"""Read the labels and scores of a dataset in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from semscore.jobs.gold.column import require_numbers
from semscore.jobs.ledger.committed import DataFile
from semscore.udfs.errors import UserError, some_of, suggestion
from semscore.udfs.stores.folder import Folder

MOST_PAIRS = 1_000_000  # kept; of more, a random sample is
BATCH_ROWS = 65_536
THREADS = 8

Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """The labelled and scored pairs of a dataset: all, or a random sample of MOST_PAIRS."""

    labels: Doubles  # (n,)
    scores: Doubles  # (n,)
    rows: int  # in all files
    labelled: int  # rows with a label
    pairs: int  # rows with a label and a score


def read_labels(output: Folder, files: Sequence[DataFile], score: str, gold: str) -> Labels:
    """Read all rows that have a label (a finite number in column `gold`) and a score.

    Row groups without labels are skipped if their statistics show it. Raises UserError if there is
    no such column of numbers.
    """
    sample = _Sample()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda file: _read(output, file, score, gold, sample), files))
    labelled, pairs = (sum(counts) for counts in zip(*found, strict=True)) if found else (0, 0)
    labels, scores = sample.rows()
    return Labels(labels, scores, sum(file.rows for file in files), labelled, pairs)


def _read(
    output: Folder, file: DataFile, score: str, gold: str, sample: _Sample
) -> tuple[int, int]:
    """Add the pairs of a file to a sample; return its labelled rows, and those with a score."""
    random = np.random.default_rng(crc32(file.path.encode("utf-8", "surrogateescape")))
    labelled = pairs = 0
    with output.open(output.entry(file.path)) as opened:
        parquet = pq.ParquetFile(opened)
        _require_column(parquet.schema_arrow, gold, output.name)
        groups = [k for k in range(parquet.num_row_groups) if _may_have_labels(parquet, k, gold)]
        for batch in parquet.iter_batches(BATCH_ROWS, row_groups=groups, columns=[gold, score]):
            labels, scores = _doubles(batch[gold]), _doubles(batch[score])
            has_label, has_score = np.isfinite(labels), np.isfinite(scores)
            both = has_label & has_score
            labelled += int(has_label.sum())
            pairs += int(both.sum())
            sample.add(random.random(both.sum()), labels[both], scores[both])
    return labelled, pairs


def _require_column(schema: pa.Schema, gold: str, name: str) -> None:
    if gold not in schema.names:
        raise UserError(
            f"--gold {gold!r} is not a column of the files in {name}"
            f"{suggestion(gold, schema.names)}; they have: {some_of(schema.names)}. The column of "
            "labels must be in the files of INPUT, not in their folders' names, and must be kept "
            "(--keep)"
        )
    require_numbers(gold, str(schema.field(gold).type))


def _may_have_labels(parquet: pq.ParquetFile, group: int, gold: str) -> bool:
    """Return whether a row group can have labels, by its statistics; True if there are none."""
    columns = _columns(parquet.metadata.row_group(group))
    statistics = next(c.statistics for c in columns if c.path_in_schema == gold)
    if statistics is None or not statistics.has_null_count:
        return True
    return bool(statistics.null_count < parquet.metadata.row_group(group).num_rows)


def _columns(group: pq.RowGroupMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    return (group.column(k) for k in range(group.num_columns))


def _doubles(column: pa.Array) -> Doubles:
    """Convert numbers to float64. Null becomes NaN."""
    values = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))
    doubles: Doubles = values.to_numpy(zero_copy_only=False)
    return doubles


class _Sample:
    """Up to MOST_PAIRS pairs: those with the smallest random keys, whatever the order of adding.

    Keys come from the files' names, so the same dataset gives the same sample.
    """

    def __init__(self) -> None:
        self._parts: list[Doubles] = []  # (n, 3): key, label, score
        self._held = 0
        self._bound = np.inf  # no larger key can be among the smallest
        self._lock = Lock()

    def add(self, keys: Doubles, labels: Doubles, scores: Doubles) -> None:
        """Add n pairs. Threads may do this at the same time."""
        part = np.column_stack([keys, labels, scores])
        part = part[part[:, 0] < self._bound]
        with self._lock:
            self._parts.append(part)
            self._held += len(part)
            if self._held > 2 * MOST_PAIRS:
                self._cut()

    def rows(self) -> tuple[Doubles, Doubles]:
        """Return the labels and the scores, in random order."""
        self._cut()
        [rows] = self._parts
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        return rows[:, 1], rows[:, 2]

    def _cut(self) -> None:
        rows = np.concatenate([np.empty((0, 3)), *self._parts])
        if len(rows) > MOST_PAIRS:
            rows = rows[np.argpartition(rows[:, 0], MOST_PAIRS)[:MOST_PAIRS]]
            self._bound = rows[:, 0].max()
        self._parts, self._held = [rows], len(rows)
