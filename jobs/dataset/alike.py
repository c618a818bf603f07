"""Compare the columns of two files, as Spark sees them."""

from __future__ import annotations

from semscore.jobs.dataset.footers import Footer
from semscore.jobs.dataset.leaves import Leaf
from semscore.jobs.dataset.reads import Reads
from semscore.udfs.errors import UserError


def require_same_columns(
    reads: Reads, name1: str, footer1: Footer, name2: str, footer2: Footer
) -> None:
    """Raise UserError unless the columns that are read have the same names and types in both files.

    Their order may differ. Both files must have rows, because a file without rows has no values
    that could differ.
    """
    if footer1.leaves == footer2.leaves:
        return
    for column in sorted(footer1.types.keys() ^ footer2.types.keys()):
        if column in reads:
            has, lacks = (name1, name2) if column in footer1.types else (name2, name1)
            raise UserError(
                f"column {column!r} is in {has} but not in {lacks}. {_fix(reads, column)}"
            )
    differing = {*footer1.leaves} ^ {*footer2.leaves}
    for column in sorted({leaf.column for leaf in differing if leaf.column in reads}):
        kinds = [_kind(footer.types[column]) for footer in (footer1, footer2)]
        if kinds[0] == kinds[1]:  # the same for Arrow but not for Spark
            kinds = [
                f"{kinds[0]} stored as {_stored(f.leaves, column)}" for f in (footer1, footer2)
            ]
        raise UserError(
            f"column {column!r} is {kinds[0]} in {name1} but {kinds[1]} in {name2}. "
            f"{_fix(reads, column)}"
        )


def _fix(reads: Reads, column: str) -> str:
    out = "leave the column out with --keep, " if reads.may_leave_out(column) else ""
    return (
        "All files of INPUT must have the same columns. Rewrite one of them, "
        f"{out}or score them separately"
    )


def _kind(kind: str) -> str:
    return "null (all its values are missing)" if kind == "null" else kind


def _stored(leaves: tuple[Leaf, ...], column: str) -> str:
    """Describe how a column is stored."""
    return " and ".join(leaf.stored for leaf in leaves if leaf.column == column)
