"""Whether a file can be used beside the others, by its footer."""

from __future__ import annotations

from semscore.jobs.dataset.alike import require_same_columns
from semscore.jobs.dataset.footers import Footer
from semscore.jobs.dataset.obstacles import Obstacle
from semscore.jobs.dataset.reads import Reads
from semscore.jobs.dataset.table_source import as_in_table, require_fits
from semscore.jobs.table_logs.snapshot import Snapshot


def in_table(name: str, footer: Footer, table: Snapshot | None) -> Footer:
    """Return a file's footer, with a table's names of its columns."""
    return as_in_table(name, footer, table) if table else footer


def require_alike(
    reads: Reads, table: Snapshot | None, name1: str, first: Footer, name2: str, footer: Footer
) -> None:
    """Raise UserError unless a file's columns are those of the first file, or of the table."""
    if table:
        require_fits(reads, table, first, name2, footer)
    else:
        require_same_columns(reads, name1, first, name2, footer)


def obstacle_of(reads: Reads, footer: Footer) -> Obstacle | None:
    """Return what prevents Spark from reading a file. Prefers what --keep cannot avoid."""
    relevant = [found for found in footer.obstacles if found.whole or found.column in reads]
    return min(relevant, key=lambda obstacle: _may_drop(reads, obstacle), default=None)


def _may_drop(reads: Reads, obstacle: Obstacle) -> bool:
    return not obstacle.whole and reads.may_leave_out(obstacle.column)


def unreadable(obstacle: Obstacle) -> str:
    """Return why a file was set aside."""
    return f"Spark cannot read it: {obstacle.what}"


def refusal_of(reads: Reads, obstacle: Obstacle) -> str:
    """Return what is wrong with a file, and what to do about it."""
    out = ", leave the column out with --keep" if _may_drop(reads, obstacle) else ""
    return f"cannot be read by Spark: {obstacle.what}. {obstacle.fix}{out}"
