"""The input: its files, their footers, one schema, and the partition columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from math import ceil

from semscore.jobs.dataset.alike import require_same_columns
from semscore.jobs.dataset.folder_names import partition_columns, values_in
from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.jobs.dataset.leaves import NANOSECONDS
from semscore.jobs.dataset.listing import (
    BadFile,
    CountedFile,
    Listing,
    SourceFile,
    each_once,
    list_input,
)
from semscore.jobs.dataset.obstacles import Obstacle
from semscore.jobs.dataset.other_formats import refusal
from semscore.jobs.dataset.reads import Reads
from semscore.jobs.dataset.table_source import (
    as_in_table,
    listings_of,
    require_fits,
    table_footer,
)
from semscore.jobs.failures.wording import counted
from semscore.jobs.table_logs.opening import open_table
from semscore.jobs.table_logs.snapshot import NONE, Positions, Snapshot, count_between
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.registry import Storage

AT_FIRST = 2_000  # footers that are read before anything runs: all, or an evenly spread sample


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
        return frozenset() if self.first[1].rows else _typeless(self.first[1])

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
                footer = _in_table(name, footer, self.table)
                if obstacle := _obstacle(self.reads, footer):
                    return BadFile(file.url, _unreadable(obstacle))
                _require_alike(self.reads, self.table, *self.first, name, footer)
            except UserError as error:
                return BadFile(file.url, str(error))
        _note(self, file, footer)
        return None


@dataclass
class _Look:
    """The contents of the footers that are read before anything runs."""

    skip_bad_files: bool
    reads: Reads
    alone: bool  # INPUT is a single file
    table: Snapshot | None
    first: tuple[str, Footer] | None = None  # a file with rows
    empty: tuple[str, Footer] | None = None  # a file without rows
    skipped: list[BadFile] = field(default_factory=list)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    row_bytes: dict[str, int] = field(default_factory=dict)
    by_rows: set[str] = field(default_factory=set)

    def at(self, listing: Listing, step: int) -> None:
        """Read the footer of every `step`-th file of an input.

        Raises UserError for a file that cannot be read (unless such files are skipped), for files
        that differ, and for an input of which no file can be read.
        """
        seen = listing.files[::step]
        entries = (file.entry for file in seen)
        for file, footer in zip(seen, read_footers(listing.folder, entries), strict=True):
            self._add(listing.folder.full(file.path), file, footer)
        if seen == listing.files and not self.counts.keys() & {file.url for file in seen}:
            raise UserError(
                f"INPUT {listing.given}: none of its parquet files can be read "
                f"({counted(len(seen), 'file')}). For example, {self.skipped[-1].path}: "
                f"{self.skipped[-1].reason}"
            )

    def _add(self, name: str, file: SourceFile, footer: Footer | Unreadable) -> None:
        if isinstance(footer, Unreadable):
            if why := refusal(name):
                raise UserError(f"{name} {why}")
            self._skip(
                name,
                footer.reason,
                f"cannot be read as parquet: {footer.reason}. Replace or remove it",
            )
            return
        if footer.rows:
            footer = _in_table(name, footer, self.table)
            if obstacle := _obstacle(self.reads, footer):
                self._skip(name, _unreadable(obstacle), _refusal(self.reads, obstacle))
                return
            self.first = self.first or (name, footer)
            _require_alike(self.reads, self.table, *self.first, name, footer)
        else:
            self.empty = self.empty or (name, footer)
        _note(self, file, footer)

    def _skip(self, name: str, reason: str, problem: str) -> None:
        if not self.skip_bad_files:
            skip = "" if self.alone else ", or set such files aside with --bad-files skip"
            raise UserError(f"{name} {problem}{skip}")
        self.skipped.append(BadFile(name, reason))


def read_source(
    inputs: Sequence[str],
    skip_bad_files: bool = False,
    storage: Storage = Storage(),
    reads: Reads = Reads(),
    snapshot: str | None = None,
) -> Source:
    """List the files of all inputs and read their footers, or a sample of very many footers.

    `reads`: the columns that count. Others may differ between files, or be unreadable for Spark.
    `snapshot`: of a table; None is the latest. The columns of files without rows are not compared.
    Raises UserError for an input that is missing, empty or without parquet files, for a file that
    cannot be read (unless such files are skipped), and for files that differ in columns or
    partition columns.
    """
    if table := open_table(inputs, storage, snapshot):
        return _source_of(inputs[0], table, skip_bad_files, storage, reads)
    listings = [list_input(given, storage, skip_bad_files) for given in inputs]
    step = _step(listings)
    look = _look(listings, step, skip_bad_files, reads)
    if step > 1 and look.first is None:  # only files with rows show the columns
        look = _look(listings, 1, skip_bad_files, reads)
    first = look.first or look.empty
    if first is None:
        raise UserError(f"INPUT: no file can be read, for example {look.skipped[-1].path}")
    if look.first is None and (obstacle := _obstacle(reads, first[1])):
        raise UserError(f"{first[0]} {_refusal(reads, obstacle)}")
    files = _readable(listings, look)
    partitions = partition_columns(files)
    _require_apart(partitions, first[1])
    strings = first[1].strings | set(partitions)
    return Source(
        files=files,
        counts=look.counts,
        first=first,
        strings=strings if look.first else strings | _typeless(first[1]),
        partition_columns=partitions,
        nanoseconds=_nanoseconds(reads, first[1]),
        row_bytes=look.row_bytes,
        skipped=tuple(look.skipped),
        ignored=tuple(path for listing in listings for path in listing.ignored),
        reads=reads,
        by_rows=look.by_rows,
    )


def _source_of(
    given: str, table: Snapshot, skip_bad_files: bool, storage: Storage, reads: Reads
) -> Source:
    """Return a table's snapshot as a source."""
    columns = table_footer(given, table, reads)
    listings = listings_of(given, table, storage)
    look = _look(listings, _step(listings), skip_bad_files, reads, table, columns)
    return Source(
        files=_readable(listings, look),
        counts=look.counts,
        first=(table.what, columns),
        strings=columns.strings,
        partition_columns=table.partition if table.folders else (),
        nanoseconds={},
        row_bytes=look.row_bytes,
        skipped=tuple(look.skipped),
        ignored=(),
        reads=reads,
        by_rows=look.by_rows,
        table=table,
    )


def _step(listings: Sequence[Listing]) -> int:
    """Return how far apart the files are whose footers are read at first."""
    return ceil(sum(len(listing.files) for listing in listings) / AT_FIRST)


def _readable(listings: Sequence[Listing], look: _Look) -> tuple[SourceFile, ...]:
    """Return the files of some listings, without those that were set aside."""
    unread = {file.path for file in look.skipped}
    return each_once(
        file
        for listing in listings
        for file in listing.files
        if listing.folder.full(file.path) not in unread
    )


def _require_apart(partitions: Iterable[str], footer: Footer) -> None:
    """Raise UserError for a column that is both in the files and in the folder names."""
    for name in partitions:
        if name in footer.types:
            raise UserError(
                f"column {name!r} is both in the files and in the folder names of INPUT. "
                "Drop it from the files or rename the folders"
            )


def _look(
    listings: Sequence[Listing],
    step: int,
    skip_bad_files: bool,
    reads: Reads,
    table: Snapshot | None = None,
    columns: Footer | None = None,
) -> _Look:
    """Read the footer of every `step`-th file. `columns`: those of the table."""
    bad = [file for listing in listings for file in listing.bad]
    alone = sum(len(listing.files) + len(listing.bad) for listing in listings) == 1
    first = (table.what, columns) if table and columns else None
    look = _Look(skip_bad_files, reads, alone, table, first, skipped=bad)
    for listing in listings:
        look.at(listing, step)
    return look


def _in_table(name: str, footer: Footer, table: Snapshot | None) -> Footer:
    """Return a file's footer, with a table's names of its columns."""
    return as_in_table(name, footer, table) if table else footer


def _require_alike(
    reads: Reads, table: Snapshot | None, name1: str, first: Footer, name2: str, footer: Footer
) -> None:
    """Raise UserError unless a file's columns are those of the first file, or of the table."""
    if table:
        require_fits(reads, table, first, name2, footer)
    else:
        require_same_columns(reads, name1, first, name2, footer)


def _obstacle(reads: Reads, footer: Footer) -> Obstacle | None:
    """Return what prevents Spark from reading a file. Prefers what --keep cannot avoid."""
    relevant = [found for found in footer.obstacles if found.whole or found.column in reads]
    return min(relevant, key=lambda obstacle: _may_drop(reads, obstacle), default=None)


def _may_drop(reads: Reads, obstacle: Obstacle) -> bool:
    return not obstacle.whole and reads.may_leave_out(obstacle.column)


def _unreadable(obstacle: Obstacle) -> str:
    return f"Spark cannot read it: {obstacle.what}"


def _refusal(reads: Reads, obstacle: Obstacle) -> str:
    """Return what is wrong with a file, and what to do about it."""
    out = ", leave the column out with --keep" if _may_drop(reads, obstacle) else ""
    return f"cannot be read by Spark: {obstacle.what}. {obstacle.fix}{out}"


def _note(seen: Source | _Look, file: SourceFile, footer: Footer) -> None:
    """Record what the footer of a good file says."""
    seen.counts[file.url] = footer.rows, footer.row_groups
    for column, size in footer.row_bytes.items():
        seen.row_bytes[column] = max(size, seen.row_bytes.get(column, 0))
    if any(column in seen.reads for column in footer.by_rows):
        seen.by_rows.add(file.url)


def _typeless(footer: Footer) -> frozenset[str]:
    return frozenset(name for name, kind in footer.types.items() if kind == "null")


def _nanoseconds(reads: Reads, footer: Footer) -> dict[str, bool]:
    """Return the timestamps in nanoseconds that are read, and whether they are in UTC."""
    return {
        leaf.column: leaf.kind.endswith("UTC")
        for leaf in footer.leaves
        if leaf.kind.startswith(NANOSECONDS) and len(leaf.path) == 1 and leaf.column in reads
    }
