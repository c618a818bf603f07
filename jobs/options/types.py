"""Conversion of the command line's arguments to values: sizes, lists of names, flags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from semscore.jobs.options.name_lists import split_names
from semscore.udfs.errors import UserError


def _names(_: Any, tokens: Sequence[Any]) -> tuple[str, ...]:
    return tuple(name for token in tokens for name in split_names(token.value.strip()))


def _column_names(_: Any, tokens: Sequence[Any]) -> tuple[str, ...]:
    return tuple(name for token in tokens for name in split_names(token.value))


def _bytes(_: Any, tokens: Sequence[Any]) -> int:
    """Return a size in bytes, from a text such as `256MB`, `1GiB` or `1000`."""
    [token] = tokens
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i)?)?b?", str(token.value).strip().lower())
    if size is None:
        raise UserError(f"--target-file-size must be a size such as 256MB, got {token.value!r}")
    power = " kmgt".index(size[2] or " ")
    return round(float(size[1]) * float(1024 if size[3] else 1000) ** power)


Bytes = Annotated[int, Parameter(converter=_bytes, n_tokens=1)]
Names = Annotated[
    tuple[str, ...], Parameter(converter=_names, negative="", n_tokens=1, show_default=False)
]
ColumnNames = Annotated[
    tuple[str, ...], Parameter(converter=_column_names, negative="", n_tokens=1, show_default=False)
]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
# The options of all commands that take a list of names.
LISTS = frozenset(
    {"instance-type", "keep", "partition-by", "past-run", "price"}
    | {"security-group-ids", "subnets", "tags", "text"}
)
