"""Read the scored rows: all rows of a small dataset, a sample of a large one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import ceil
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.ledger.committed import DataFile
from semscore.udfs.stores.folder import Folder
from semscore.udfs.texts.from_arrow import to_pandas

MOST_ROWS = 200_000
MOST_FILES = 64
MOST_SMALL_FILES = 500  # of a dataset that is read completely
BATCH_ROWS = 4096
THREADS = 8
NO_PARTITION = ""


@dataclass(frozen=True)
class Wanted:
    """Columns of the output to read; texts are skipped if the output lacks them."""

    score: str
    status: str
    text1: str | None
    text2: str | None

    @property
    def names(self) -> dict[str, str]:
        """Return column in the output -> column in the result of `look`."""
        return {
            column: role
            for role in ("text1", "text2", "status", "score")
            if (column := getattr(self, role))
        }


def look(output: Folder, files: Sequence[DataFile], wanted: Wanted) -> pd.DataFrame:
    """Read rows with `score`, `status`, `partition` and, if wanted, `text1` and `text2`.

    Reads all rows of a small dataset. Of a large one, reads the first rows of row groups that are
    spread over the files, in the order of the files. This is not a random sample, because files
    are written in the order of their input.
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
    """Return the partition folders of a file in readable form: `lang=de/day=1`."""
    folder, _, _ = file.path.rpartition("/")
    return unquote(folder) if folder else NO_PARTITION


def _spread(files: Sequence[DataFile]) -> list[DataFile]:
    """Choose at most MOST_FILES: from each partition in turn, the largest file first."""
    by_partition: dict[str, list[DataFile]] = {}
    for file in sorted(files, key=lambda file: (-file.rows, file.path)):
        by_partition.setdefault(partition_of(file), []).append(file)
    queues = sorted(by_partition.values(), key=lambda queue: -sum(file.rows for file in queue))
    rounds = max(map(len, queues), default=0)
    turns = (queue[turn] for turn in range(rounds) for queue in queues if turn < len(queue))
    return list(islice(turns, MOST_FILES))


def _read(output: Folder, file: DataFile, wanted: Wanted, rows: int) -> pd.DataFrame:
    """Read about `rows` rows of a file: all, or the first of row groups spread over the file.

    Decodes rows in batches, because repeated texts are small in a row group but large in memory.
    """
    with output.open(output.entry(file.path)) as opened:
        parquet = pq.ParquetFile(opened)
        in_file = set(parquet.schema_arrow.names)
        roles = {name: role for name, role in wanted.names.items() if name in in_file}
        groups = parquet.num_row_groups
        needed = min(ceil(rows * groups / max(file.rows, 1)), groups)
        rows_per_group = ceil(rows / max(needed, 1))
        parts = [
            part
            for k in range(needed)
            for part in _first(parquet, k * groups // needed, list(roles), rows_per_group)
        ]
        schema = pa.schema([parquet.schema_arrow.field(name) for name in roles])
    table = pa.Table.from_batches(parts, schema)
    columns = {role: to_pandas(table[name]) for name, role in roles.items()}
    return pd.DataFrame(columns).assign(partition=partition_of(file))


def _first(
    parquet: pq.ParquetFile, group: int, columns: list[str], rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the first rows of a row group, in batches."""
    size = min(rows, BATCH_ROWS)
    for batch in parquet.iter_batches(size, row_groups=[group], columns=columns):
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return
