"""Stage a unit, publish it: each row gets to its final place once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pyspark.sql import DataFrame

from semscore.jobs.dataset.footers import THREADS, Unreadable, read_footers
from semscore.jobs.dataset.ledger import STAGING, DataFile
from semscore.jobs.dataset.storage import Entry, Folder
from semscore.jobs.errors import AuditFailed


def stage(
    frame: DataFrame, output: Folder, run: str, unit: str, partition_by: Sequence[str]
) -> list[DataFile]:
    """Write a unit to its own staging folder; what its footers say was written."""
    place = f"{STAGING}/{run}/{unit}"
    writer = frame.write.mode("overwrite").option("compression", "zstd")
    writer.partitionBy(*partition_by).parquet(f"{output.url}/{place}")
    staged = [entry for entry in output.entries(place) if entry.path.endswith(".parquet")]
    return count_rows(output, staged)


def destinations(
    run: str, lease: int, unit: str, staged: Sequence[DataFile]
) -> dict[str, DataFile]:
    """Staged path -> published file.

    No two runs give the same name, so what a run finds unfinished and removes is never what a later
    one has put there since. Empty files are left out, but for one when all are: it carries the
    schema.
    """
    place = PurePosixPath(f"{STAGING}/{run}/{unit}")
    moves = {}
    for n, file in enumerate([file for file in staged if file.rows] or staged[:1]):
        partition = PurePosixPath(file.path).relative_to(place).parent
        final = (partition / f"part-{unit}-{lease}-{n:05}.zstd.parquet").as_posix()
        moves[file.path] = DataFile(final, file.rows, file.bytes)
    return moves


def publish(output: Folder, moves: dict[str, DataFile]) -> None:
    """Copy staged files to where they belong."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda staged: output.copy(staged, moves[staged].path), moves))


def discard_staging(output: Folder, run: str, unit: str) -> None:
    """Remove what was staged for a unit."""
    output.delete_folder(f"{STAGING}/{run}/{unit}")


def count_rows(output: Folder, entries: Sequence[Entry]) -> list[DataFile]:
    """Rows of files that this run wrote, by their footers; AuditFailed if one is broken."""
    files = []
    for entry, footer in zip(entries, read_footers(output, entries), strict=True):
        if isinstance(footer, Unreadable):
            raise AuditFailed(f"{entry.path} was written but cannot be read: {footer.reason}")
        files.append(DataFile(entry.path, footer.rows, entry.size))
    return files
