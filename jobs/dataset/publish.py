"""Stage a unit, publish it: each row gets to its final place once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pyspark.sql import DataFrame

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.footers import THREADS, Unreadable, read_footers
from semscore.jobs.ledger.ledger import STAGING, DataFile
from semscore.udfs.errors import AuditFailed
from semscore.udfs.stores.folder import Entry, Folder

MANY = 100_000  # files of a unit; names of another attempt begin there
FEW = 4  # files that are left as they are
SCATTERED = 2  # times as many files as there should be


def stage(
    frame: DataFrame,
    output: Folder,
    run: str,
    unit: str,
    partition_by: Sequence[str],
    file_bytes: int,
) -> list[DataFile]:
    """Write a unit to its own staging folder; what its footers say was written.

    Each task writes files of its own. If these are many and small, they are written once more,
    together: that costs seconds, where scoring took minutes.
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
    """How many files of about `file_bytes` hold what these do, each folder apart. Pure."""
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

    No two runs, and no two attempts of one, give the same name, so what a run finds unfinished and
    removes is never what a later one has put there since. Empty files are left out, but for one
    when all are: it carries the schema.
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
