"""Check the output's partition folders: how many there are, and whether the names are valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it

from semscore.jobs.dataset import sql_names
from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.source import Source
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.names import ESCAPED, NO_VALUE, folder_name
from semscore.udfs.stores.registry import is_remote, kind_of

MAX_FOLDERS = 10_000  # partition folders that a dataset may have
MAX_NAME = 255  # bytes in the name of a file or folder, on all common file systems
STAGED = 300  # bytes of a key for the file name, and for the staging folders around it
SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True)
class Longest:
    """The value of a partition column whose folder has the longest name."""

    value: str  # the first characters
    size: int  # bytes of the folder's name


def check_folders(frame: DataFrame, source: Source, layout: Layout, output: Folder) -> None:
    """Raise UserError for folders that cannot be created. Queries Spark if it must regroup rows."""
    if layout.regroups(source):
        count, longest = _queried(frame, layout)
    else:
        count, longest = _listed(source)
    by = ",".join(layout.partition_by)
    if layout.partition_by and count > MAX_FOLDERS:
        raise UserError(
            f"--partition-by {by} would create {count:,} folders; at most {MAX_FOLDERS:,} are "
            "allowed. Choose columns with fewer values, or none"
        )
    if is_remote(output.url):
        _check_key(output, longest)
        return
    for column, folder in longest.items():
        if folder.size > MAX_NAME:
            raise UserError(
                f"--partition-by {column}: the folder of the value {folder.value!r}… would have a "
                f"name of {folder.size:,} bytes, but file systems allow at most {MAX_NAME}. Choose "
                "a column with shorter values, or none"
            )


def _check_key(output: Folder, longest: Mapping[str, Longest]) -> None:
    _, _, key = output.url.partition("://")[2].partition("/")
    size = sum(folder.size + 1 for folder in longest.values())
    room = kind_of(output.url).most_bytes - STAGED - len(key.encode())
    if size > room:
        column, folder = max(longest.items(), key=lambda item: item[1].size)
        store = kind_of(output.url).name
        raise UserError(
            f"--partition-by {','.join(longest)}: the folder names would take {size:,} bytes in "
            f"total (one is {column}={folder.value!r}…), but {store} leaves only {room:,} bytes "
            f"for them below {output.name}. Choose columns with shorter values, or none"
        )


def _listed(source: Source) -> tuple[int, dict[str, Longest]]:
    """Return the number of folders in INPUT, which the output keeps, and their longest names."""
    folders = source.folders
    longest: dict[str, Longest] = {}
    for name, value in (pair for folder in folders for pair in folder):
        size = len(folder_name(name, value).encode())
        if name not in longest or size > longest[name].size:
            longest[name] = Longest(value[:SHOWN], size)
    return len(folders), longest


def _queried(frame: DataFrame, layout: Layout) -> tuple[int, dict[str, Longest]]:
    """Return the number of folders for the rows and their longest names, from one query.

    Raises UserError for values that cannot be folder names.
    """
    columns = layout.partition_by
    texts = [sql_names.column(name).cast("string").alias(f"v{k}") for k, name in enumerate(columns)]
    aggregates = [F.count(F.lit(1)).alias("count")]
    for k in range(len(columns)):
        text = F.col(f"v{k}")
        length = F.octet_length(F.regexp_replace(text, ESCAPED, "xxx"))
        shown = F.substring(text, 1, SHOWN)
        raw = text.cast("binary")
        lossy = F.decode(raw, "UTF-8").cast("binary") != raw
        aggregates += [
            F.max(length).alias(f"size{k}"),
            F.max_by(shown, length).alias(f"longest{k}"),
            F.max(F.when(F.instr(text, "\0") > 0, shown)).alias(f"nul{k}"),
            F.max(F.when(lossy, shown)).alias(f"lossy{k}"),
        ]
    [row] = frame.select(*texts).distinct().agg(*aggregates).collect()
    longest = {}
    for k, column in enumerate(columns):
        for kind, what in (("nul", "contains a NUL character"), ("lossy", "is not valid UTF-8")):
            if row[f"{kind}{k}"] is not None:
                raise UserError(
                    f"--partition-by {column}: the value {row[f'{kind}{k}']!r} {what}, so it "
                    "cannot be a folder name. Choose another column, or none"
                )
        value = row[f"size{k}"] or len(NO_VALUE)
        size = len(folder_name(column, "").encode()) - len(NO_VALUE) + value
        longest[column] = Longest(row[f"longest{k}"] or "", size)
    return row["count"], longest
