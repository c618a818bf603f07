"""Read INPUT: list its files, or those of a table's snapshot, and read their footers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from semscore.jobs.dataset.folder_names import partition_columns
from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.jobs.dataset.leaves import NANOSECONDS
from semscore.jobs.dataset.listing import BadFile, Listing, SourceFile, each_once, list_input
from semscore.jobs.dataset.other_formats import refusal
from semscore.jobs.dataset.reads import Reads
from semscore.jobs.dataset.source import Source, note, typeless_in
from semscore.jobs.dataset.table_source import listings_of, table_footer
from semscore.jobs.dataset.usable import (
    in_table,
    obstacle_of,
    refusal_of,
    require_alike,
    unreadable,
)
from semscore.jobs.failures.wording import counted
from semscore.jobs.table_logs.opening import open_table
from semscore.jobs.table_logs.snapshot import Snapshot
from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import Storage

AT_FIRST = 2_000  # footers that are read before anything runs: all, or an evenly spread sample


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
            footer = in_table(name, footer, self.table)
            if obstacle := obstacle_of(self.reads, footer):
                self._skip(name, unreadable(obstacle), refusal_of(self.reads, obstacle))
                return
            self.first = self.first or (name, footer)
            require_alike(self.reads, self.table, *self.first, name, footer)
        else:
            self.empty = self.empty or (name, footer)
        note(file, footer, self.reads, self.counts, self.row_bytes, self.by_rows)

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
    if look.first is None and (obstacle := obstacle_of(reads, first[1])):
        raise UserError(f"{first[0]} {refusal_of(reads, obstacle)}")
    files = _readable(listings, look)
    partitions = partition_columns(files)
    _require_apart(partitions, first[1])
    strings = first[1].strings | set(partitions)
    return Source(
        files=files,
        counts=look.counts,
        first=first,
        strings=strings if look.first else strings | typeless_in(first[1]),
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


def _nanoseconds(reads: Reads, footer: Footer) -> dict[str, bool]:
    """Return the timestamps in nanoseconds that are read, and whether they are in UTC."""
    return {
        leaf.column: leaf.kind.endswith("UTC")
        for leaf in footer.leaves
        if leaf.kind.startswith(NANOSECONDS) and len(leaf.path) == 1 and leaf.column in reads
    }
