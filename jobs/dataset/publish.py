"""Stage and publish a unit, so that each row reaches its final place once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pyspark.sql import DataFrame

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.footers import THREADS, Unreadable, read_footers
from semscore.jobs.ledger.committed import DataFile
from semscore.jobs.ledger.ledger import STAGING
from semscore.udfs.errors import AuditFailed
from semscore.udfs.stores.folder import Entry, Folder

MANY = 100_000  # files of one attempt at a unit; the next attempt numbers its files from here
FEW = 4  # a unit with up to this many files is not merged
SCATTERED = 2  # a unit is merged if it has more than this many times the right number of files


def stage(
    frame: DataFrame,
    output: Folder,
    run: str,
    unit: str,
    partition_by: Sequence[str],
    file_bytes: int,
) -> list[DataFile]:
    """Write a unit to its own staging folder; return the files, with the rows in their footers.

    Each task writes its own files. If these are many and small, they are merged by writing them
    again, which takes seconds where scoring takes minutes.
    """
    place = f"{STAGING}/{run}/{unit}"
    staged = _written(frame, output, f"{place}/scored", partition_by)
    files = good_count({entry.path: entry.size for entry in staged}, file_bytes)
    if len(staged) > max(FEW, files * SCATTERED):
        url = f"{output.url}/{place}/scored"
        sizes = [entry.size for entry in staged]
        together = frames.gather(frame, url, partition_by, sizes, files)
        staged = _written(together, output, f"{place}/together", partition_by)
    return count_rows(output, staged)


def good_count(sizes: Mapping[str, int], file_bytes: int) -> int:
    """Return how many files of about `file_bytes` can hold these, folder by folder. Pure."""
    folders: Counter[PurePosixPath] = Counter()
    for path, size in sizes.items():
        folders[PurePosixPath(path).parent] += size
    return sum(max(round(size / file_bytes), 1) for size in folders.values())


def _written(
    frame: DataFrame, output: Folder, place: str, partition_by: Sequence[str]
) -> list[Entry]:
    writer = frame.write.mode("overwrite").option("compression", "zstd")
    writer.partitionBy(*partition_by).parquet(f"{output.url}/{place}")
    return [entry for entry in output.entries(place) if entry.path.endswith(".parquet")]


def destinations(
    run: str, lease: int, unit: str, staged: Sequence[DataFile], attempt: int = 1
) -> dict[str, DataFile]:
    """Staged path -> published file.

    File names differ between runs, and between attempts of one run. A run that finds unfinished
    files and removes them therefore never removes those of a later run. Empty files are left out;
    if all files are empty, one is kept for its schema.
    """
    place = PurePosixPath(f"{STAGING}/{run}/{unit}")
    moves = {}
    filled = [file for file in staged if file.rows] or staged[:1]
    for n, file in enumerate(filled, (attempt - 1) * MANY):
        _, *folders, _ = PurePosixPath(file.path).relative_to(place).parts
        final = (PurePosixPath(*folders) / f"part-{unit}-{lease}-{n:05}.zstd.parquet").as_posix()
        moves[file.path] = DataFile(final, file.rows, file.bytes)
    return moves


def publish(output: Folder, moves: dict[str, DataFile]) -> None:
    """Copy staged files to their final places."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda staged: output.copy(staged, moves[staged].path), moves))


def discard_staging(output: Folder, run: str, unit: str) -> None:
    """Delete the staged files of a unit."""
    output.delete_folder(f"{STAGING}/{run}/{unit}")


def count_rows(output: Folder, entries: Sequence[Entry]) -> list[DataFile]:
    """Return files that semscore wrote, with the rows in their footers.

    Raises AuditFailed if a file cannot be read.
    """
    files = []
    for entry, footer in zip(entries, read_footers(output, entries), strict=True):
        if isinstance(footer, Unreadable):
            raise AuditFailed(f"{entry.path} was written but cannot be read: {footer.reason}")
        files.append(DataFile(entry.path, footer.rows, entry.size))
    return files
