"""Which columns of INPUT's files a run reads: the others need not be alike, or readable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from semscore.jobs.options.slices import Columns


@dataclass(frozen=True)
class Reads:
    """The columns that are read, by name; without arguments, all are."""

    needed: frozenset[str] = frozenset()  # whatever is kept
    kept: frozenset[str] | None = None  # None: all
    where: str | None = None  # a condition, which is not parsed

    def __contains__(self, column: str) -> bool:
        """Whether a column may be read."""
        return self.kept is None or column in self.kept or not self.may_leave_out(column)

    def may_leave_out(self, column: str) -> bool:
        """Whether --keep decides if a column is read."""
        return column not in self.needed and not self._in_where(column)

    def _in_where(self, column: str) -> bool:
        """Whether the condition may name a column: a word of it is the same."""
        names = "|".join(map(re.escape, {column, column.replace("`", "``")}))
        return bool(self.where and re.search(rf"(?<!\w)(?:{names})(?!\w)", self.where))


def columns_read(columns: Columns, partition_by: Iterable[str], where: str | None) -> Reads:
    """Return the columns that a run with these options reads."""
    return Reads(
        needed=frozenset({columns.text1, columns.text2, *partition_by}),
        kept=frozenset(columns.keep) if columns.keep else None,
        where=where,
    )
