"""The partition columns in the folder names of INPUT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from semscore.jobs.dataset.listing import SourceFile
from semscore.udfs.errors import UserError


def partition_columns(files: Sequence[SourceFile]) -> tuple[str, ...]:
    """Return the columns in the folder names, which must be the same for every file.

    Raises UserError if they differ, or if a folder name lacks a column or a value.
    """
    first: tuple[str, tuple[str, ...]] | None = None
    seen: set[str] = set()
    for file in files:
        folder, _, _ = file.url.rpartition("/")
        if folder in seen:
            continue
        seen.add(folder)
        folders = PurePosixPath(file.path).parent.parts
        pairs = [part.split("=", 1) for part in folders if "=" in part]
        # Spark decodes `%C3` as one character, so the column has that name in Spark.
        names = tuple(unquote(name, "latin-1") for name, _ in pairs)
        if not all(map(all, pairs)) or len(set(names)) < len(names):
            raise UserError(
                f"{file.url} is in folders that lack a column name or a value, or name one column "
                "twice. Partition folders must be named column=value"
            )
        if names and len(names) < len(folders):
            raise UserError(
                f"{file.url} is in both plain and partition (column=value) folders. Use the folder "
                "directly above the partition folders as INPUT"
            )
        first = first or (file.url, names)
        if names != first[1]:
            shown = [", ".join(columns) or "none" for columns in (first[1], names)]
            raise UserError(
                f"partition columns differ: {shown[0]} for {first[0]}, {shown[1]} for {file.url}. "
                "Use folders with the same partition columns as INPUT"
            )
    return first[1] if first else ()
