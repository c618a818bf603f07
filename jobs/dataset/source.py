"""The input: files, their footers, one schema, partition columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.footers import Footer, Leaf, Unreadable, read_footers, reason
from semscore.jobs.dataset.storage import Entry, Folder, local_path
from semscore.jobs.errors import UserError, some_of

PARQUET = (".parquet", ".parq", ".pq", "")  # some engines write files without an ending
MAX_DIGITS = 38  # of a decimal in Spark


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
            if ":" in PurePosixPath(entry.path).name:
                footer = Unreadable("Spark opens no local file with a colon in its name")
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
            for column, size in footer.row_bytes.items():
                row_bytes[column] = max(size, row_bytes.get(column, 0))
            files.append(
                SourceFile(
                    folder.url, entry.path, entry.size, entry.tag, footer.rows, footer.row_groups
                )
            )
            found += 1
        if not found:
            raise UserError(
                f"INPUT {given}: none of its {len(entries)} parquet files can be read, such as "
                f"{skipped[-1].path}: {skipped[-1].reason}"
            )
    assert first is not None
    files = _each_once(files)
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
            bad.append(BadFile(file.url, reason(error)))
    return bad


def _listed(given: str) -> tuple[Folder, list[Entry], list[str]]:
    """The folder of an input, its parquet files, and the names of files that are none."""
    path = local_path(given)
    try:
        if path.is_file():
            if _is_hidden(path.name):
                raise UserError(
                    f"INPUT {given}: Spark reads no file whose name begins with '_' or '.'; "
                    "rename it"
                )
            folder = Folder(str(path.parent))
            return folder, [folder.entry(path.name)], []
        if not path.is_dir():
            raise UserError(f"INPUT {given}: there is no such file or folder")
        folder = Folder(str(path))
        entries = folder.entries()
    except OSError as error:
        raise UserError(f"INPUT {given} cannot be listed: {error}") from error
    visible = [entry for entry in entries if not _is_hidden(entry.path)]
    if not visible:
        hidden = f" but for hidden files: {some_of([e.path for e in entries])}" if entries else ""
        raise UserError(f"INPUT {given}: the folder is empty{hidden}")
    parquet, others = [], []
    for entry in visible:
        if PurePosixPath(entry.path).suffix.lower() in PARQUET:
            parquet.append(entry)
        else:
            others.append(entry.path)
    if not parquet:
        raise UserError(f"INPUT {given}: no parquet files in it, only {some_of(others)}")
    return folder, parquet, [str(path / name) for name in others]


def _is_hidden(path: str) -> bool:
    """Spark's rule: names that start with `_` or `.`, unless they are partitions."""
    return any(
        part.startswith(".") or (part.startswith("_") and "=" not in part)
        for part in PurePosixPath(path).parts
    )


def _each_once(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Sorted by root and path; a file that two inputs hold belongs to the outer one."""
    once: dict[str, SourceFile] = {}
    for file in sorted(files, key=lambda file: (file.root, file.path)):
        once.setdefault(file.url, file)
    return list(once.values())


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
