"""Find out from a footer what Spark's parquet reader cannot read.

Tested on Spark 3.5.9 with files of each codec, encoding and type. A footer does not show all
problems, such as corrupted bytes. Spark finds these when it reads the data: see sifting.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from semscore.jobs.dataset.leaves import MAX_DIGITS, NANOSECONDS, Leaf

# In pyarrow, UNKNOWN means Hadoop's older form of LZ4, and LZ4 means LZ4_RAW.
CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "LZ4", "UNKNOWN"}
ENCODINGS = {
    "PLAIN",
    "PLAIN_DICTIONARY",
    "RLE_DICTIONARY",
    "RLE",
    "BIT_PACKED",
    "DELTA_BINARY_PACKED",
    "DELTA_LENGTH_BYTE_ARRAY",
    "DELTA_BYTE_ARRAY",
}
# Encoding -> physical types that only Spark's slower, row-based reader decodes.
BY_ROWS = {"BYTE_STREAM_SPLIT": {"FLOAT", "DOUBLE"}}
MAX_MILLISECONDS = (2**63 - 1) // 1000  # Spark counts microseconds in 64 bits
TYPES = (
    ("Time(", "is a time of day", "Cast it to a timestamp or a string", False),
    ("UUID", "is a UUID", "Cast it to a string", False),
    ("Interval", "is an interval", "Cast it to a number or a string", False),
    # Spark's library does not know these types and cannot even open the file.
    ("Float16", "is a 16-bit float", "Cast it to float32", True),
    ("Geometry", "is a geometry", "Store it as plain binary", True),
    ("Geography", "is a geography", "Store it as plain binary", True),
    ("Variant", "is a variant", "Store it as JSON text", True),
)


@dataclass(frozen=True)
class Obstacle:
    """Something in a file that prevents Spark from reading a column."""

    column: str  # at the top level
    what: str  # "column 'x' is a time of day"
    fix: str  # "Cast it to a string"
    whole: bool = False  # the file cannot be opened at all, whichever columns are read


def of_types(leaves: Sequence[Leaf]) -> Iterator[Obstacle]:
    """Yield columns whose type or name Spark refuses, or would read as something else."""
    for path, times in Counter(leaf.path for leaf in leaves).items():
        if times > 1:
            name = ".".join(path)
            yield Obstacle(path[0], f"{times} columns have the name {name!r}", "Rename all but one")
    for leaf in leaves:
        column = f"column {leaf.name!r}"
        decimal = re.match(r"Decimal\(precision=(\d+)", leaf.logical)
        if decimal and int(decimal[1]) > MAX_DIGITS:
            what = (
                f"{column} is a decimal of {decimal[1]} digits (Spark reads at most {MAX_DIGITS})"
            )
            yield Obstacle(leaf.column, what, "Cast it to a shorter decimal or a string")
        for marker, what, fix, whole in TYPES:
            if leaf.logical.startswith(marker):
                yield Obstacle(leaf.column, f"{column} {what}", fix, whole)
        if leaf.kind.startswith(NANOSECONDS) and (len(leaf.path) > 1 or leaf.lists):
            what = f"{column} is a timestamp in nanoseconds inside another type"
            fix = "Write it in microseconds (pyarrow: coerce_timestamps='us')"
            yield Obstacle(leaf.column, what, fix)


def of_chunk(leaf: Leaf, codec: str, encodings: Sequence[str]) -> Iterator[Obstacle]:
    """Yield the problems with how a column is written in a row group."""
    if codec not in CODECS:
        what = f"column {leaf.name!r} is compressed with {codec.lower()}"
        yield Obstacle(leaf.column, what, "Write it with zstd or snappy")
    for encoding in encodings:
        if encoding not in ENCODINGS and leaf.physical not in BY_ROWS.get(encoding, ()):
            what = f"column {leaf.name!r} is {leaf.physical} in the encoding {encoding}"
            yield Obstacle(leaf.column, what, "Write it with the default encoding")


def needs_rows(leaf: Leaf, encodings: Sequence[str]) -> bool:
    """Return whether Spark must read a column row by row."""
    return any(leaf.physical in BY_ROWS.get(encoding, ()) for encoding in encodings)


def has_milliseconds(leaf: Leaf) -> bool:
    """Return whether a column holds timestamps that may be outside Spark's range."""
    return leaf.logical.startswith("Timestamp(") and "timeUnit=milliseconds" in leaf.logical


def of_milliseconds(leaf: Leaf, statistics: Any) -> Iterator[Obstacle]:
    """Yield an obstacle if timestamps overflow when Spark converts them to microseconds.

    `statistics`: those of a row group, or None. Yields nothing without a minimum and a maximum.
    """
    if statistics is None or not statistics.has_min_max:
        return
    ends = statistics.min_raw, statistics.max_raw  # `min` and `max` raise OverflowError
    if max(map(abs, ends)) > MAX_MILLISECONDS:
        what = f"column {leaf.name!r} has a timestamp outside the years -290307 to 294247"
        yield Obstacle(leaf.column, what, "Replace such values with nulls")
