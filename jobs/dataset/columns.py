"""Choose the columns of the output, and check all column names before anything runs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from semscore.jobs.dataset.source import Source
from semscore.jobs.options.name_lists import join_names
from semscore.jobs.options.settings import Settings
from semscore.udfs.errors import UserError, some_of, suggestion

NO_PARTITIONS = ("none",)
NUMBERS = re.compile(r"(large_|fixed_size_)?list<\w+: (u?int\d+|halffloat|float|double|decimal)")
LISTS = ("list", "large_list", "fixed_size_list")


@dataclass(frozen=True)
class Layout:
    """The columns of the output."""

    kept: tuple[str, ...]  # input columns to keep, including partition columns
    partition_by: tuple[str, ...]

    def regroups(self, source: Source) -> bool:
        """Return whether rows need a shuffle: the output has other partition columns than INPUT."""
        return bool(self.partition_by) and self.partition_by != source.partition_columns


def plan_columns(source: Source, settings: Settings) -> Layout:
    """Return the output's columns.

    Raises UserError for a column that is missing, has the wrong type or is already taken.
    """
    columns, partition_by = settings.columns, settings.target.partition_by
    for option, name in settings.vectors:
        _require_column(source, name, f"Name it with {option}")
        kind = source.types.get(name, "string")  # partition columns are text
        if not NUMBERS.match(kind):
            raise UserError(
                f"column {name!r} is {kind}, expected a list of numbers. Name another column with "
                f"{option}"
            )
    for option, name in settings.texts:
        _require_column(source, name, f"Name it with {option}")
        if name not in source.strings:
            kind = source.types[name]
            why = " (all its values are missing)" if kind == "null" else ""
            raise UserError(
                f"column {name!r} is {kind}{why}, expected string. "
                f"Cast it, or name another column with {option}"
            )
    for name in columns.keep:
        _require_column(source, name, _correct("--keep", name, source))
    if partition_by == NO_PARTITIONS and "none" not in source.columns:
        partition_by = ()
    else:
        partition_by = tuple(dict.fromkeys(partition_by)) or source.partition_columns
    for name in partition_by:
        _require_column(source, name, _correct("--partition-by", name, source))
        kind = source.types.get(name, "string")
        if kind.startswith((*LISTS, "struct", "map")):
            raise UserError(
                f"--partition-by {name}: values of type {kind} cannot be folder names. "
                "Choose a column with plain values"
            )
    kept = {*(columns.keep or source.columns), *partition_by}
    for option, name in settings.added:
        if name in kept:
            how = "" if settings.embeds else f"Name the new column with {option}, or "
            raise UserError(
                f"INPUT already has a column {name!r}. {how}"
                f"{'Leave' if settings.embeds else 'leave'} the old one out by listing the other "
                "columns in --keep"
            )
    return Layout(
        kept=tuple(name for name in source.columns if name in kept), partition_by=partition_by
    )


def _correct(option: str, name: str, source: Source) -> str:
    """Return how to correct a name in a list. It may be a piece of a name that has a comma."""
    for column in source.columns:
        if "," in column and name in map(str.strip, column.split(",")):
            quoted = shlex.quote(join_names([column]))
            return f"Correct {option}. Put a name with a comma in double quotes: {option} {quoted}"
    return f"Correct {option}"


def _require_column(source: Source, name: str, fix: str) -> None:
    if name not in source.columns:
        raise UserError(
            f"column {name!r} not found in INPUT{suggestion(name, source.columns)}; "
            f"it has: {some_of(source.columns)}. {fix}"
        )
