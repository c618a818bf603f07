"""A bounded look at the scored rows themselves: all of a small dataset, some of a large one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import PurePosixPath
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.ledger.ledger import DataFile
from semscore.udfs.stores.folder import Folder
from semscore.udfs.texts.from_arrow import to_pandas

MOST_ROWS = 200_000
MOST_FILES = 64
MOST_SMALL_FILES = 500  # of a dataset that is looked at whole
BATCH_ROWS = 4096
THREADS = 8
NO_PARTITION = ""


@dataclass(frozen=True)
class Wanted:
    """Columns of the output; texts and gold are looked at only if they are in it."""

    score: str
    status: str
    text1: str | None
    text2: str | None
    gold: str | None

    @property
    def names(self) -> dict[str, str]:
        """Column in the output -> what it is called in a look."""
        return {
            column: role
            for role in ("text1", "text2", "status", "score", "gold")
            if (column := getattr(self, role))
        }


def look(output: Folder, files: Sequence[DataFile], wanted: Wanted) -> pd.DataFrame:
    """Some rows with `score`, `status`, `partition` and, where wanted, `text1`, `text2`, `gold`.

    All rows if these are few; else the first rows of row groups from all over the files, in whose
    order they come: no random sample, since files are written as their input was.
    """
    total = sum(file.rows for file in files)
    chosen = files if total <= MOST_ROWS and len(files) <= MOST_SMALL_FILES else _spread(files)
    share = min(MOST_ROWS / max(sum(file.rows for file in chosen), 1), 1.0)
    with ThreadPoolExecutor(THREADS) as pool:
        frames = list(
            pool.map(lambda file: _read(output, file, wanted, ceil(file.rows * share)), chosen)
        )
    columns = [*wanted.names.values(), "partition"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def partition_of(file: DataFile) -> str:
    """The folders that a file lies in, as people write them: `lang=de/day=1`."""
    folder = str(PurePosixPath(file.path).parent)
    return NO_PARTITION if folder == "." else unquote(folder)


def _spread(files: Sequence[DataFile]) -> list[DataFile]:
    """At most MOST_FILES: of each partition in turn, the largest file first."""
    by_partition: dict[str, list[DataFile]] = {}
    for file in sorted(files, key=lambda file: (-file.rows, file.path)):
        by_partition.setdefault(partition_of(file), []).append(file)
    queues = sorted(by_partition.values(), key=lambda some: -sum(file.rows for file in some))
    rounds = max(map(len, queues), default=0)
    turns = [queue[turn] for turn in range(rounds) for queue in queues if turn < len(queue)]
    return turns[:MOST_FILES]


def _read(output: Folder, file: DataFile, wanted: Wanted, rows: int) -> pd.DataFrame:
    """About `rows` rows of a file: all, or the first ones of row groups from all over.

    Rows are decoded in batches: repeated texts, of which a row group is small, can be large.
    """
    with output.open(output.entry(file.path)) as opened:
        parquet = pq.ParquetFile(opened)
        there = set(parquet.schema_arrow.names)
        inside = {name: role for name, role in wanted.names.items() if name in there}
        groups = parquet.num_row_groups
        needed = min(ceil(rows * groups / max(file.rows, 1)), groups)
        each = ceil(rows / max(needed, 1))
        parts = [
            part
            for k in range(needed)
            for part in _first(parquet, k * groups // needed, list(inside), each)
        ]
        schema = pa.schema([parquet.schema_arrow.field(name) for name in inside])
    table = pa.Table.from_batches(parts, schema)
    columns = {role: to_pandas(table[name]) for name, role in inside.items()}
    return pd.DataFrame(columns).assign(partition=partition_of(file))


def _first(
    parquet: pq.ParquetFile, group: int, columns: list[str], rows: int
) -> Iterator[pa.RecordBatch]:
    """The first rows of a row group."""
    size = min(rows, BATCH_ROWS)
    for batch in parquet.iter_batches(size, row_groups=[group], columns=columns):
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return
