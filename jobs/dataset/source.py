"""The input: its files, their footers, one schema, and the partition columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.jobs.dataset.listing import BadFile, CountedFile, SourceFile
from semscore.jobs.dataset.reads import Reads
from semscore.jobs.dataset.usable import in_table, obstacle_of, require_alike, unreadable
from semscore.jobs.table_logs.snapshot import NONE, Positions, Snapshot, count_between
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.names import values_in
from semscore.udfs.stores.registry import Storage


@dataclass(frozen=True)
class Source:
    """A parquet dataset whose files agree in all columns that are read."""

    files: tuple[SourceFile, ...]  # sorted by root and path
    counts: dict[str, tuple[int, int]]  # URL of a file whose footer was read -> rows, row groups
    first: tuple[str, Footer]  # a file that all others agree with; it has rows if any has
    strings: frozenset[str]  # the text columns, including partition columns
    partition_columns: tuple[str, ...]  # columns in the folder names, all text
    nanoseconds: dict[str, bool]  # timestamp columns in nanoseconds -> whether they are in UTC
    row_bytes: dict[str, int]  # column -> bytes per row in the file where it is largest
    skipped: tuple[BadFile, ...]
    ignored: tuple[str, ...]  # files without a parquet extension
    reads: Reads = field(default_factory=Reads)
    by_rows: set[str] = field(default_factory=set)  # URLs of files that Spark must read row by row
    table: Snapshot | None = None  # whose files these are

    @cached_property
    def by_url(self) -> dict[str, SourceFile]:
        """Return the files by their URLs."""
        return {file.url: file for file in self.files}

    @property
    def types(self) -> dict[str, str]:
        """Return a map from each column in the files to Arrow's name of its type."""
        return self.first[1].types

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns, in Spark's order."""
        return tuple(dict.fromkeys((*self.types, *self.partition_columns)))

    @property
    def typeless(self) -> frozenset[str]:
        """Return the columns without a type, which may be text, if the dataset has no rows."""
        return frozenset() if self.first[1].rows else typeless_in(self.first[1])

    @property
    def counted_files(self) -> list[SourceFile]:
        """Return the files whose footers were read and agree."""
        return [file for file in self.files if file.url in self.counts]

    @property
    def filled_files(self) -> list[SourceFile]:
        """Return the counted files that have rows, or all counted files if none has."""
        counted = self.counted_files
        return [file for file in counted if self.counts[file.url][0]] or counted

    @property
    def rows(self) -> int:
        """Return the number of live rows in the files whose footers were read."""
        return sum(map(self.live_rows, self.counts))

    def live_rows(self, url: str, start: int = 0, stop: int | None = None) -> int:
        """Return the number of live rows of a file, or of its rows from `start` to `stop`."""
        end = self.counts[url][0] if stop is None else stop
        return end - start - count_between(self.deleted(url), start, end)

    @property
    def folders(self) -> set[tuple[tuple[str, str], ...]]:
        """Return the partition folders, each as its columns and values; an empty value is null."""
        if self.table is None:
            return {values_in(file.path) for file in self.files}
        return {
            tuple(
                (name, "" if value is None else str(value))
                for name, value in zip(self.partition_columns, file.values, strict=False)
            )
            for file in self.table.files
        }

    def deleted(self, url: str) -> Positions:
        """Return the numbers of the rows of a file that a table has deleted."""
        return self.table.deleted(url) if self.table else NONE

    def counted(
        self, files: Sequence[SourceFile], storage: Storage = Storage()
    ) -> Iterator[CountedFile | BadFile]:
        """Yield some of the files with their rows, in order. Reads missing footers, in advance."""
        for root, group in groupby(files, key=lambda file: file.root):
            folder, in_root = storage.folder(root), list(group)
            unread = [file.entry for file in in_root if file.url not in self.counts]
            footers = read_footers(folder, unread)
            for file in in_root:
                bad = None
                if file.url not in self.counts:
                    bad = self._count(folder, file, next(footers))
                yield bad or CountedFile(
                    file.root,
                    file.path,
                    file.size,
                    file.tag,
                    *self.counts[file.url],
                    deletes=file.deletes,
                    deleted=self.deleted(file.url),
                )

    def _count(
        self, folder: Folder, file: SourceFile, footer: Footer | Unreadable
    ) -> BadFile | None:
        """Record what a footer says, or return why the file cannot be used."""
        if isinstance(footer, Unreadable):
            return BadFile(file.url, footer.reason)
        if footer.rows:
            name = folder.full(file.path)
            try:
                footer = in_table(name, footer, self.table)
                if obstacle := obstacle_of(self.reads, footer):
                    return BadFile(file.url, unreadable(obstacle))
                require_alike(self.reads, self.table, *self.first, name, footer)
            except UserError as error:
                return BadFile(file.url, str(error))
        note(file, footer, self.reads, self.counts, self.row_bytes, self.by_rows)
        return None


def note(
    file: SourceFile,
    footer: Footer,
    reads: Reads,
    counts: dict[str, tuple[int, int]],
    row_bytes: dict[str, int],
    by_rows: set[str],
) -> None:
    """Record what the footer of a good file says, in the last three (see Source)."""
    counts[file.url] = footer.rows, footer.row_groups
    for column, size in footer.row_bytes.items():
        row_bytes[column] = max(size, row_bytes.get(column, 0))
    if any(column in reads for column in footer.by_rows):
        by_rows.add(file.url)


def typeless_in(footer: Footer) -> frozenset[str]:
    """Return the columns without a type."""
    return frozenset(name for name, kind in footer.types.items() if kind == "null")
