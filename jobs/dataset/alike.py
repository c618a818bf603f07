"""Whether two files have the same columns, as Spark sees them."""

from __future__ import annotations

from semscore.jobs.dataset.footers import Footer
from semscore.jobs.dataset.leaves import Leaf
from semscore.jobs.dataset.reads import Reads
from semscore.udfs.errors import UserError


def require_same_columns(reads: Reads, name1: str, one: Footer, name2: str, two: Footer) -> None:
    """Raise UserError unless the columns that are read have the same names and types.

    In any order. Both files must have rows: one without has nothing that could differ.
    """
    if one.leaves == two.leaves:
        return
    for column in sorted(one.types.keys() ^ two.types.keys()):
        if column in reads:
            has, lacks = (name1, name2) if column in one.types else (name2, name1)
            raise UserError(
                f"column {column!r} is in {has} but not in {lacks}. {_fix(reads, column)}"
            )
    differing = {*one.leaves} ^ {*two.leaves}
    for column in sorted({leaf.column for leaf in differing if leaf.column in reads}):
        kinds = [_kind(footer.types[column]) for footer in (one, two)]
        if kinds[0] == kinds[1]:  # alike for Arrow but not for Spark
            kinds = [f"{kinds[0]} stored as {_stored(f.leaves, column)}" for f in (one, two)]
        raise UserError(
            f"column {column!r} is {kinds[0]} in {name1} but {kinds[1]} in {name2}. "
            f"{_fix(reads, column)}"
        )


def _fix(reads: Reads, column: str) -> str:
    out = "leave the column out with --keep, " if reads.may_leave_out(column) else ""
    return f"All files of INPUT must have the same columns: rewrite one, {out}or score them apart"


def _kind(kind: str) -> str:
    return "null (all its values are missing)" if kind == "null" else kind


def _stored(leaves: tuple[Leaf, ...], column: str) -> str:
    """Describe how a column is stored."""
    return " and ".join(leaf.stored for leaf in leaves if leaf.column == column)
