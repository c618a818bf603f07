"""The primitive columns of a parquet file as Spark sees them, with their paths and types.

Spark reads two files with equal leaves in the same way. The names of inner fields of lists and maps
do not count, nor does the way in which a type is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

# By physical type, for columns without an annotation.
PLAIN = {
    "BOOLEAN": "boolean",
    "INT32": "int",
    "INT64": "bigint",
    "INT96": "timestamp",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BYTE_ARRAY": "binary",
    "FIXED_LEN_BYTE_ARRAY": "binary",
}
ANNOTATED = {"String": "string", "Enum": "string", "JSON": "string", "BSON": "binary"}
SIGNED = {8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"}
UNSIGNED = {8: "smallint", 16: "int", 32: "bigint", 64: "decimal(20,0)"}
NANOSECONDS = "bigint (nanoseconds)"  # a number for Spark; semscore adds whether it is in UTC
MAX_DIGITS = 38  # of a decimal in Spark


@dataclass(frozen=True)
class Leaf:
    """A primitive column."""

    path: tuple[str, ...]  # from the top; inside lists and maps `element`, `key`, `value`
    kind: str  # Spark's type, or how it is stored if Spark has none
    lists: int  # number of lists and maps around it
    physical: str = field(compare=False)
    logical: str = field(compare=False)

    @property
    def column(self) -> str:
        """Return the top-level column to which it belongs."""
        return self.path[0]

    @property
    def name(self) -> str:
        """Return the path as text, for messages."""
        return ".".join(self.path)

    @property
    def stored(self) -> str:
        """Return how it is stored, for messages."""
        return f"{self.physical} ({self.logical})"

    @property
    def is_text(self) -> bool:
        """Return whether it is a top-level text column."""
        return len(self.path) == 1 and not self.lists and self.kind == "string"


def leaves_of(schema: pq.ParquetSchema, arrow: pa.Schema) -> tuple[Leaf, ...]:
    """Return the leaves in their order. `arrow`: the same schema, which shows how columns nest.

    Parquet's own paths do not say whether `a.b` is one column or a field of another.
    """
    columns = [schema.column(i) for i in range(len(schema))]
    paths = [path for column in arrow for path in _paths(column)]
    return tuple(_leaf(column, path) for column, path in zip(columns, paths, strict=True))


def spark_type(physical: str, logical: str) -> str | None:
    """Return the Spark type of a leaf, or None if Spark has none."""
    if logical in ("None", "Null"):
        return PLAIN.get(physical)
    if integer := re.fullmatch(r"Int\(bitWidth=(\d+), isSigned=(\w+)\)", logical):
        return (SIGNED if integer[2] == "true" else UNSIGNED).get(int(integer[1]))
    if decimal := re.match(r"Decimal\(precision=(\d+), scale=(-?\d+)", logical):
        return f"decimal({decimal[1]},{decimal[2]})" if int(decimal[1]) <= MAX_DIGITS else None
    if timestamp := re.match(r"Timestamp\(isAdjustedToUTC=(\w+), timeUnit=(\w+)", logical):
        in_utc = timestamp[1] == "true"
        if timestamp[2] == "nanoseconds":
            return f"{NANOSECONDS}{' in UTC' if in_utc else ''}"
        return "timestamp" if in_utc else "timestamp_ntz"
    return "date" if logical == "Date" else ANNOTATED.get(logical)


def _leaf(column: pq.ColumnSchema, path: tuple[str, ...]) -> Leaf:
    physical, logical = column.physical_type, str(column.logical_type)
    kind = spark_type(physical, logical) or f"{physical} ({logical})"
    return Leaf(path, kind, column.max_repetition_level, physical, logical)


def _paths(field: pa.Field, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of a field's leaves, in the order of the file's columns."""
    kind, path = field.type, (*above, field.name)
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_map(kind):
        yield from _paths(kind.key_field.with_name("key"), path)
        yield from _paths(kind.item_field.with_name("value"), path)
    elif hasattr(kind, "value_field"):  # a list of any sort
        yield from _paths(kind.value_field.with_name("element"), path)
    elif pa.types.is_struct(kind):
        for inner in kind:
            yield from _paths(inner, path)
    else:
        yield path
