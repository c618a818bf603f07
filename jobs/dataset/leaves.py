"""The primitive columns of a parquet file as Spark sees them: where they are, and of what type.

Two files whose leaves are equal are read alike. What inner fields of lists and maps are called does
not count, nor how a type is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

# By how a value is stored, where no annotation says more.
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
NANOSECONDS = "bigint (nanoseconds)"  # Spark reads a number; with and without UTC differ for us
MAX_DIGITS = 38  # of a decimal in Spark


@dataclass(frozen=True)
class Leaf:
    """A primitive column."""

    path: tuple[str, ...]  # from the top; inside lists and maps `element`, `key`, `value`
    kind: str  # Spark's type, or how it is stored where Spark has none
    lists: int  # how many lists and maps it is in
    physical: str = field(compare=False)
    logical: str = field(compare=False)

    @property
    def column(self) -> str:
        """The top-level column that it is part of."""
        return self.path[0]

    @property
    def name(self) -> str:
        """For people."""
        return ".".join(self.path)

    @property
    def stored(self) -> str:
        """How it is stored, for people."""
        return f"{self.physical} ({self.logical})"

    @property
    def is_text(self) -> bool:
        """Whether it is a top-level column of text."""
        return len(self.path) == 1 and not self.lists and self.kind == "string"


def leaves_of(schema: pq.ParquetSchema, arrow: pa.Schema) -> tuple[Leaf, ...]:
    """Return the leaves in their order; `arrow`: the same schema, by which columns nest.

    Parquet's own paths do not say whether `a.b` is one column or a field of another.
    """
    columns = [schema.column(i) for i in range(len(schema))]
    paths = [path for column in arrow for path in _paths(column)]
    return tuple(_leaf(column, path) for column, path in zip(columns, paths, strict=True))


def spark_type(physical: str, logical: str) -> str | None:
    """Return what Spark makes of a leaf; None: it has no such type."""
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
    kind, here = field.type, (*above, field.name)
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_map(kind):
        yield from _paths(kind.key_field.with_name("key"), here)
        yield from _paths(kind.item_field.with_name("value"), here)
    elif hasattr(kind, "value_field"):  # a list of any sort
        yield from _paths(kind.value_field.with_name("element"), here)
    elif pa.types.is_struct(kind):
        for inner in kind:
            yield from _paths(inner, here)
    else:
        yield here
