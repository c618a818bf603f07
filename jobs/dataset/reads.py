"""The columns that a run reads from INPUT. Others may differ between files, or be unreadable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings


@dataclass(frozen=True)
class Reads:
    """The columns that are read, by name. Without arguments, all columns are read."""

    needed: frozenset[str] = frozenset()  # read whatever --keep says
    kept: frozenset[str] | None = None  # None: all
    where: str | None = None  # a condition, which is not parsed

    def __contains__(self, column: str) -> bool:
        """Return whether a column may be read."""
        return self.kept is None or column in self.kept or not self.may_leave_out(column)

    def may_leave_out(self, column: str) -> bool:
        """Return whether --keep decides if a column is read."""
        return column not in self.needed and not self._in_where(column)

    def _in_where(self, column: str) -> bool:
        """Return whether the condition may name a column: whether the name is a word in it."""
        names = "|".join(map(re.escape, {column, column.replace("`", "``")}))
        return bool(self.where and re.search(rf"(?<!\w)(?:{names})(?!\w)", self.where))


def columns_read(settings: Settings) -> Reads:
    """Return the columns that a run with these settings reads."""
    keep = settings.columns.keep
    return Reads(
        needed=frozenset({*settings.passed, *settings.target.partition_by}),
        kept=frozenset(keep) if keep else None,
        where=settings.rows.where,
    )
