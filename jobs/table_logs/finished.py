"""A dataset that is complete, as the commit of a table needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from semscore.udfs.stores.folder import Folder


@dataclass(frozen=True)
class Finished:
    """A dataset that is complete."""

    output: Folder
    run: str
    schema: StructType  # of all columns
    partition_by: tuple[str, ...]
    paths: frozenset[str]  # of its files
