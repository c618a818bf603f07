"""The output's partition folders: not too many, with names that the storage takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.source import Source
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.names import ESCAPED, NO_VALUE, folder_name
from semscore.udfs.stores.registry import is_remote, kind_of

MAX_FOLDERS = 10_000  # partition folders that a dataset may have
MAX_NAME = 255  # bytes of a file's or folder's name, on all usual file systems
STAGED = 300  # of these, for the folders and the file's name while a unit is staged
SHOWN = 40  # characters of a value


@dataclass(frozen=True)
class Longest:
    """The value of a partition column whose folder has the longest name."""

    value: str  # its beginning
    size: int  # bytes of the folder's name


def check_folders(frame: DataFrame, source: Source, layout: Layout, output: Folder) -> None:
    """Raise UserError for folders that cannot be; asks Spark where rows are to be regrouped."""
    if layout.regroups(source):
        count, longest = _asked(frame, layout)
    else:
        count, longest = _listed(source)
    by = ",".join(layout.partition_by)
    if layout.partition_by and count > MAX_FOLDERS:
        raise UserError(
            f"--partition-by {by} would make {count:,} folders, more than {MAX_FOLDERS:,}; "
            "choose columns with fewer values, or none"
        )
    if is_remote(output.url):
        _check_key(output, longest)
        return
    for column, found in longest.items():
        if found.size > MAX_NAME:
            raise UserError(
                f"--partition-by {column}: the folder of the value {found.value!r}… would have a "
                f"name of {found.size:,} bytes, and file systems allow {MAX_NAME}. Choose a column "
                "with shorter values, or none"
            )


def _check_key(output: Folder, longest: Mapping[str, Longest]) -> None:
    _, _, key = output.url.partition("://")[2].partition("/")
    size = sum(found.size + 1 for found in longest.values())
    room = kind_of(output.url).most_bytes - STAGED - len(key.encode())
    if size > room:
        column, found = max(longest.items(), key=lambda item: item[1].size)
        raise UserError(
            f"--partition-by {','.join(longest)}: the names of the folders would have {size:,} "
            f"bytes together, such as those of {column}={found.value!r}…, and S3 leaves {room:,} "
            f"for them below {output.name}. Choose columns with shorter values, or none"
        )


def _listed(source: Source) -> tuple[int, dict[str, Longest]]:
    """How many folders INPUT has, which the output takes over, and their longest names."""
    folders = {PurePosixPath(file.path).parent for file in source.files}
    longest: dict[str, Longest] = {}
    for name, value in (pair for folder in folders for pair in _pairs(folder)):
        size = len(folder_name(name, value).encode())
        if name not in longest or size > longest[name].size:
            longest[name] = Longest(value[:SHOWN], size)
    return len(folders), longest


def _pairs(folder: PurePosixPath) -> Iterator[tuple[str, str]]:
    """Columns and values in a folder's path, as Spark decodes them: `%C3` is one character."""
    for part in folder.parts:
        name, equals, value = part.partition("=")
        if equals:
            yield unquote(name, "latin-1"), unquote(value, "latin-1")


def _asked(frame: DataFrame, layout: Layout) -> tuple[int, dict[str, Longest]]:
    """How many folders the rows make, and their longest names, in one query.

    Raises UserError for values that cannot be names.
    """
    columns = layout.partition_by
    texts = [frames.column(name).cast("string").alias(f"v{k}") for k, name in enumerate(columns)]
    asked = [F.count(F.lit(1)).alias("count")]
    for k in range(len(columns)):
        text = F.col(f"v{k}")
        length = F.octet_length(F.regexp_replace(text, ESCAPED, "xxx"))
        shown = F.substring(text, 1, SHOWN)
        raw = text.cast("binary")
        lossy = F.decode(raw, "UTF-8").cast("binary") != raw
        asked += [
            F.max(length).alias(f"size{k}"),
            F.max_by(shown, length).alias(f"longest{k}"),
            F.max(F.when(F.instr(text, "\0") > 0, shown)).alias(f"nul{k}"),
            F.max(F.when(lossy, shown)).alias(f"lossy{k}"),
        ]
    [found] = frame.select(*texts).distinct().agg(*asked).collect()
    longest = {}
    for k, column in enumerate(columns):
        for kind, what in (("nul", "has a NUL character"), ("lossy", "is not valid UTF-8")):
            if found[f"{kind}{k}"] is not None:
                raise UserError(
                    f"--partition-by {column}: the value {found[f'{kind}{k}']!r} {what}, which "
                    "no folder's name can have. Choose another column, or none"
                )
        value = found[f"size{k}"] or len(NO_VALUE)
        size = len(folder_name(column, "").encode()) - len(NO_VALUE) + value
        longest[column] = Longest(found[f"longest{k}"] or "", size)
    return found["count"], longest
