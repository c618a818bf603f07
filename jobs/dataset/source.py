"""The input: files, their footers, one schema, partition columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.footers import Footer, Unreadable, read_footers
from semscore.jobs.dataset.storage import Entry, Folder, local_path
from semscore.jobs.errors import UserError

PARQUET = (".parquet", ".parq", ".pq", "")  # some engines write files without an ending
SHOWN = 5  # names in a message


@dataclass(frozen=True)
class SourceFile:
    """One input file that can be read."""

    root: str  # URL of the folder under which its partition folders start
    path: str  # relative to root
    size: int  # bytes
    tag: str
    rows: int
    row_groups: int

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self.root}/{self.path}"


@dataclass(frozen=True)
class BadFile:
    """A file set aside, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Source:
    """A parquet dataset whose files all have the same columns."""

    files: tuple[SourceFile, ...]  # sorted by root and path
    types: dict[str, str]  # column in the files -> Arrow's name of its type
    strings: frozenset[str]  # those that are text, partition columns included
    partition_columns: tuple[str, ...]  # columns in the folder names, all text
    nanoseconds: dict[str, bool]  # timestamp columns in nanoseconds -> whether they are in UTC
    row_bytes: dict[str, int]  # column, dotted where nested -> bytes per row where it has most
    skipped: tuple[BadFile, ...]
    ignored: tuple[str, ...]  # files that do not end like parquet

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, as Spark will order them."""
        return (*self.types, *self.partition_columns)

    @property
    def rows(self) -> int:
        """Rows of all files, by their footers."""
        return sum(file.rows for file in self.files)


def read_source(inputs: Sequence[str], skip_bad_files: bool = False) -> Source:
    """List the files of all inputs and read their footers.

    Raises UserError for: an input that is missing, empty or without parquet, an unreadable file
    (unless these are skipped), files that differ in columns or partition columns, column types
    that Spark cannot read.
    """
    files: list[SourceFile] = []
    skipped: list[BadFile] = []
    ignored: list[str] = []
    first: tuple[str, Footer] | None = None
    row_bytes: dict[str, int] = {}
    for given in inputs:
        folder, entries, others = _listed(given)
        ignored += others
        found = 0
        for entry, footer in zip(entries, read_footers(folder, entries), strict=True):
            name = str(folder.local / entry.path)
            if isinstance(footer, Unreadable):
                if not skip_bad_files:
                    raise UserError(
                        f"{name} is not a whole parquet file: {footer.reason}. Replace it, or set "
                        "such files aside with --bad-files skip"
                    )
                skipped.append(BadFile(name, footer.reason))
                continue
            first = first or (name, footer)
            _require_same_columns(*first, name, footer)
            for column, size in footer.row_bytes.items():
                row_bytes[column] = max(size, row_bytes.get(column, 0))
            files.append(
                SourceFile(
                    folder.url, entry.path, entry.size, entry.tag, footer.rows, footer.row_groups
                )
            )
            found += 1
        if not found:
            raise UserError(f"INPUT {given}: none of its {len(entries)} parquet files can be read")
    assert first is not None
    files = sorted(set(files), key=lambda file: (file.root, file.path))
    nanoseconds = _check_types(first[1])
    partitions = _partition_columns(files)
    both = [name for name in partitions if name in first[1].types]
    if both:
        raise UserError(
            f"column {both[0]!r} is both in the files and in the folder names of INPUT; "
            "drop it from the files or rename the folders"
        )
    return Source(
        files=tuple(files),
        types=first[1].types,
        strings=first[1].strings | set(partitions),
        partition_columns=partitions,
        nanoseconds=nanoseconds,
        row_bytes=row_bytes,
        skipped=tuple(skipped),
        ignored=tuple(ignored),
    )


def unreadable_files(files: Sequence[SourceFile]) -> list[BadFile]:
    """Those files whose data cannot be read though their footers can; reads them whole."""
    bad = []
    for file in files:
        try:
            with Folder(file.root).open(file.path) as opened:
                for _ in pq.ParquetFile(opened).iter_batches():
                    pass
        except (pa.ArrowException, OSError) as error:
            bad.append(BadFile(file.url, " ".join(str(error).split())))
    return bad


def _listed(given: str) -> tuple[Folder, list[Entry], list[str]]:
    """The folder of an input, its parquet files, and the names of files that are none."""
    path = local_path(given)
    if path.is_file():
        folder = Folder(str(path.parent))
        stat = path.stat()
        return folder, [Entry(path.name, stat.st_size, str(stat.st_mtime_ns))], []
    if not path.is_dir():
        raise UserError(f"INPUT {given}: there is no such file or folder")
    folder = Folder(str(path))
    visible = [entry for entry in folder.entries() if not _is_hidden(entry.path)]
    if not visible:
        raise UserError(f"INPUT {given}: the folder is empty")
    parquet = [e for e in visible if PurePosixPath(e.path).suffix.lower() in PARQUET]
    others = [str(path / e.path) for e in visible if e not in set(parquet)]
    if not parquet:
        shown = ", ".join(PurePosixPath(name).name for name in others[:SHOWN])
        raise UserError(f"INPUT {given}: no parquet files in it, only {shown}")
    return folder, parquet, others


def _is_hidden(path: str) -> bool:
    """Spark's rule: names that start with `_` or `.`, unless they are partitions."""
    return any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in PurePosixPath(path).parts
    )


def _require_same_columns(name1: str, one: Footer, name2: str, two: Footer) -> None:
    if one.leaves == two.leaves:
        return
    fix = "All files of INPUT must have the same columns: rewrite one, or score them apart"
    for column in one.types.keys() ^ two.types.keys():
        has, lacks = (name1, name2) if column in one.types else (name2, name1)
        raise UserError(f"column {column!r} is in {has} but not in {lacks}. {fix}")
    leaves = {leaf.path: leaf for leaf in one.leaves}
    for leaf in two.leaves:
        if leaves.get(leaf.path) != leaf:
            column = leaf.path if leaf.path in one.types else leaf.path.split(".")[0]
            kinds = [footer.types.get(column, "another type") for footer in (one, two)]
            if kinds[0] == kinds[1]:
                kinds = [str(leaves.get(leaf.path)), str(leaf)]
            raise UserError(
                f"column {column!r} is {kinds[0]} in {name1} but {kinds[1]} in {name2}. {fix}"
            )


def _check_types(footer: Footer) -> dict[str, bool]:
    """Refuse what Spark cannot read; the top-level timestamps in nanoseconds, and if in UTC."""
    nanoseconds = {}
    for leaf in footer.leaves:
        flat = leaf.path in footer.types
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
    for file in files:
        folders = PurePosixPath(file.path).parent.parts
        names = tuple(unquote(part.split("=", 1)[0]) for part in folders if "=" in part)
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
