"""Facts about a dataset from its listing and footers: rows, bytes, skew. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.source import Source

LARGE = 3.0  # times the mean size; such a folder or file may delay the run


@dataclass(frozen=True)
class InputFacts:
    """A dataset as its files describe it."""

    rows: int
    exact: bool  # every footer was read; otherwise rows and row groups are estimates
    files: int
    bytes: int
    row_groups: int
    partition_columns: tuple[str, ...]
    partitions: int  # folders
    largest_partition: tuple[str, float]  # folder, and its bytes as a multiple of the mean
    largest_file: tuple[str, float]
    bad: tuple[dict[str, Any], ...]  # path, reason
    ignored: int  # files with extensions that parquet does not have

    @property
    def about(self) -> str:
        """The word before a number of rows: "about " if it is an estimate, otherwise empty."""
        return "" if self.exact else "about "


def facts_of(source: Source, bad: tuple[BadFile, ...] = ()) -> InputFacts:
    """Return the facts of a source. `bad`: files that turned out to be unreadable later."""
    size = sum(file.size for file in source.files)
    counted = sum(file.size for file in source.counted_files)
    scale = size / max(counted, 1)
    groups = sum(groups for _, groups in source.counts.values())
    folders = Counter[str]()
    for file in source.files:
        folders[str(PurePosixPath(file.path).parent)] += file.size
    folder, most = folders.most_common(1)[0]
    largest = max(source.files, key=lambda file: file.size)
    return InputFacts(
        rows=round(source.rows * scale),
        exact=len(source.counts) == len(source.files),
        files=len(source.files),
        bytes=size,
        row_groups=max(round(groups * scale), 1),
        partition_columns=source.partition_columns,
        partitions=len(folders),
        largest_partition=(folder, most * len(folders) / max(size, 1)),
        largest_file=(largest.path, largest.size * len(source.files) / max(size, 1)),
        bad=tuple(asdict(file) for file in (*source.skipped, *bad)),
        ignored=len(source.ignored),
    )
