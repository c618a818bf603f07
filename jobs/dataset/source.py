"""The input: files, their footers, one schema, partition columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from pathlib import PurePosixPath
from threading import Event
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.folder import Folder, StorageError
from semscore.jobs.dataset.footers import Footer, Leaf, Unreadable, read_footers, reason
from semscore.jobs.dataset.listing import BadFile, CountedFile, SourceFile, each_once, list_input
from semscore.jobs.dataset.storage import Storage
from semscore.jobs.errors import UserError

MAX_DIGITS = 38  # of a decimal in Spark
AT_FIRST = 2_000  # footers that are read before anything runs: all, or some from all over


@dataclass(frozen=True)
class Source:
    """A parquet dataset whose files all have the same columns."""

    files: tuple[SourceFile, ...]  # sorted by root and path
    counts: dict[str, tuple[int, int]]  # URL of a file whose footer was read -> rows, row groups
    first: tuple[str, Footer]  # a file, with which all others agree
    strings: frozenset[str]  # those that are text, partition columns included
    partition_columns: tuple[str, ...]  # columns in the folder names, all text
    nanoseconds: dict[str, bool]  # timestamp columns in nanoseconds -> whether they are in UTC
    row_bytes: dict[str, int]  # column, dotted where nested -> bytes per row where it has most
    skipped: tuple[BadFile, ...]
    ignored: tuple[str, ...]  # files that do not end like parquet

    @property
    def types(self) -> dict[str, str]:
        """Column in the files -> Arrow's name of its type."""
        return self.first[1].types

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, as Spark will order them."""
        return (*self.types, *self.partition_columns)

    @property
    def counted_files(self) -> list[SourceFile]:
        """Those whose footers were read, and agree."""
        return [file for file in self.files if file.url in self.counts]

    @property
    def rows(self) -> int:
        """Rows of the files whose footers were read."""
        return sum(rows for rows, _ in self.counts.values())

    def counted(
        self, files: Sequence[SourceFile], storage: Storage = Storage()
    ) -> Iterator[CountedFile | BadFile]:
        """Some of the files with their rows, in order; footers not read yet are, some ahead."""
        for root, some in groupby(files, key=lambda file: file.root):
            folder, these = storage.folder(root), list(some)
            unread = [file.entry for file in these if file.url not in self.counts]
            footers = read_footers(folder, unread)
            for file in these:
                bad = None
                if file.url not in self.counts:
                    bad = self._count(folder, file, next(footers))
                yield bad or CountedFile(
                    file.root, file.path, file.size, file.tag, *self.counts[file.url]
                )

    def _count(
        self, folder: Folder, file: SourceFile, footer: Footer | Unreadable
    ) -> BadFile | None:
        """Note what a footer says, unless the file is of no use."""
        name = folder.full(file.path)
        if not isinstance(footer, Unreadable):
            try:
                _require_same_columns(*self.first, name, footer)
            except UserError as error:
                footer = Unreadable(str(error))
        if isinstance(footer, Unreadable):
            return BadFile(file.url, footer.reason)
        self.counts[file.url] = footer.rows, footer.row_groups
        _note_largest(self.row_bytes, footer)
        return None


def read_source(
    inputs: Sequence[str], skip_bad_files: bool = False, storage: Storage = Storage()
) -> Source:
    """List the files of all inputs and read their footers; of very many files, some footers.

    Raises UserError for: an input that is missing, empty or without parquet, an unreadable file
    (unless these are skipped), files that differ in columns or partition columns, column types
    that Spark cannot read.
    """
    listings = [list_input(given, storage, skip_bad_files) for given in inputs]
    step = ceil(sum(len(listing.files) for listing in listings) / AT_FIRST)
    skipped = [bad for listing in listings for bad in listing.bad]
    first: tuple[str, Footer] | None = None
    counts: dict[str, tuple[int, int]] = {}
    row_bytes: dict[str, int] = {}
    for listing in listings:
        seen = listing.files[::step]
        for file, footer in zip(
            seen, read_footers(listing.folder, (file.entry for file in seen)), strict=True
        ):
            name = listing.folder.full(file.path)
            if isinstance(footer, Unreadable):
                if not skip_bad_files:
                    raise UserError(
                        f"{name} cannot be read as parquet: {footer.reason}. Replace or remove it, "
                        "or set such files aside with --bad-files skip"
                    )
                skipped.append(BadFile(name, footer.reason))
                continue
            first = first or (name, footer)
            _require_same_columns(*first, name, footer)
            counts[file.url] = footer.rows, footer.row_groups
            _note_largest(row_bytes, footer)
        if seen == listing.files and not counts.keys() & {file.url for file in seen}:
            raise UserError(
                f"INPUT {listing.given}: none of its {len(seen)} parquet files can be read, "
                f"such as {skipped[-1].path}: {skipped[-1].reason}"
            )
    if first is None:
        raise UserError(f"INPUT: no file can be read, such as {skipped[-1].path}")
    unread = {file.path for file in skipped}
    files = each_once(
        file
        for listing in listings
        for file in listing.files
        if listing.folder.full(file.path) not in unread
    )
    nanoseconds = _check_types(first[1])
    partitions = _partition_columns(files)
    both = [name for name in partitions if name in first[1].types]
    if both:
        raise UserError(
            f"column {both[0]!r} is both in the files and in the folder names of INPUT; "
            "drop it from the files or rename the folders"
        )
    return Source(
        files=files,
        counts=counts,
        first=first,
        strings=first[1].strings | set(partitions),
        partition_columns=partitions,
        nanoseconds=nanoseconds,
        row_bytes=row_bytes,
        skipped=tuple(skipped),
        ignored=tuple(path for listing in listings for path in listing.ignored),
    )


def unreadable_files(
    files: Sequence[SourceFile], storage: Storage, dropping: Event
) -> list[BadFile]:
    """Those files whose data cannot be read though their footers can; reads them whole.

    Until `dropping` is set. Raises StorageError if the storage fails, and not the file.
    """
    bad: list[BadFile] = []
    for file in files:
        try:
            with storage.folder(file.root).open(file.entry) as opened:
                for _ in pq.ParquetFile(opened).iter_batches():
                    if dropping.is_set():
                        return bad
        except StorageError:
            raise
        except (pa.ArrowException, OSError) as error:
            bad.append(BadFile(file.url, reason(error)))
    return bad


def _note_largest(row_bytes: dict[str, int], footer: Footer) -> None:
    for column, size in footer.row_bytes.items():
        row_bytes[column] = max(size, row_bytes.get(column, 0))


def _require_same_columns(name1: str, one: Footer, name2: str, two: Footer) -> None:
    """The same names and types, in any order."""
    if one.leaves == two.leaves:
        return
    fix = "All files of INPUT must have the same columns: rewrite one, or score them apart"
    for column in sorted(one.types.keys() ^ two.types.keys()):
        has, lacks = (name1, name2) if column in one.types else (name2, name1)
        raise UserError(f"column {column!r} is in {has} but not in {lacks}. {fix}")
    for leaf in sorted({*one.leaves} ^ {*two.leaves}, key=lambda leaf: leaf.path):
        column = next(name for name in one.types if _is_of(leaf, name))
        kinds = [footer.types[column] for footer in (one, two)]
        if kinds[0] == kinds[1]:  # alike for Arrow but not for Spark
            kinds = [f"{kinds[0]} stored as {_stored(column, f)}" for f in (one, two)]
        raise UserError(
            f"column {column!r} is {kinds[0]} in {name1} but {kinds[1]} in {name2}. {fix}"
        )


def _is_of(leaf: Leaf, column: str) -> bool:
    return f"{leaf.path}.".startswith(f"{column}.")


def _stored(column: str, footer: Footer) -> str:
    """What the leaves of a column are in the file."""
    leaves = (leaf for leaf in footer.leaves if _is_of(leaf, column))
    return " and ".join(f"{leaf.physical} ({leaf.logical})" for leaf in leaves)


def _check_types(footer: Footer) -> dict[str, bool]:
    """Refuse what Spark cannot read; the top-level timestamps in nanoseconds, and if in UTC."""
    nanoseconds = {}
    for path, times in Counter(leaf.path for leaf in footer.leaves).items():
        if times > 1:
            raise UserError(f"INPUT has {times} columns of the name {path!r}; rename all but one")
    for leaf in footer.leaves:
        flat = leaf.path in footer.types
        decimal = re.match(r"Decimal\(precision=(\d+)", leaf.logical)
        if decimal and int(decimal[1]) > MAX_DIGITS:
            raise UserError(
                f"column {leaf.path!r} is a decimal of {decimal[1]} digits, and Spark reads "
                f"{MAX_DIGITS} at most; cast it to a shorter one or a string"
            )
        for marker, what, fix in (
            ("Time(", "a time of day", "cast it to a timestamp or a string"),
            ("Float16", "a 16-bit float", "cast it to float32"),
            ("UUID", "a UUID", "cast it to a string"),
            ("Interval", "an interval", "cast it to a number or a string"),
        ):
            if leaf.logical.startswith(marker):
                raise UserError(f"column {leaf.path!r} is {what}, which Spark cannot read; {fix}")
        if "nanoseconds=true" in leaf.logical:
            if not flat:
                raise UserError(
                    f"column {leaf.path!r} is a timestamp in nanoseconds inside another type, "
                    "which Spark cannot read; write it in microseconds (pyarrow: "
                    "coerce_timestamps='us')"
                )
            nanoseconds[leaf.path] = "utc=true" in leaf.logical
    return nanoseconds


def _partition_columns(files: Sequence[SourceFile]) -> tuple[str, ...]:
    """The columns in the folder names, which must be those of every file."""
    first: tuple[str, tuple[str, ...]] | None = None
    seen: set[str] = set()
    for file in files:
        folder, _, _ = file.url.rpartition("/")
        if folder in seen:
            continue
        seen.add(folder)
        folders = PurePosixPath(file.path).parent.parts
        pairs = [part.split("=", 1) for part in folders if "=" in part]
        # Spark decodes `%C3` as one character, so that is what the column is called there
        names = tuple(unquote(name, "latin-1") for name, _ in pairs)
        if not all(map(all, pairs)) or len(set(names)) < len(names):
            raise UserError(
                f"{file.url} lies in folders that name no column, no value, or one column twice; "
                "partition folders must be called column=value"
            )
        if names and len(names) < len(folders):
            raise UserError(
                f"{file.url} lies in both plain and partition (column=value) folders; give the "
                "folder right above the partition folders as INPUT"
            )
        first = first or (file.url, names)
        if names != first[1]:
            shown = [", ".join(columns) or "none" for columns in (first[1], names)]
            raise UserError(
                f"partition columns differ: {shown[0]} for {first[0]}, {shown[1]} for {file.url}; "
                "give folders of one kind as INPUT"
            )
    return first[1] if first else ()
