"""Whether OUTPUT can be the table that is asked for, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semscore.jobs.ledger import ledger
from semscore.jobs.table_logs.delta_commit import require_legal
from semscore.jobs.table_logs.extras import needed_for
from semscore.jobs.table_logs.iceberg_commit import require_table
from semscore.jobs.table_logs.locations import plain_url
from semscore.jobs.table_logs.recognised import tables_around
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.stores.registry import is_remote, kind_of

if TYPE_CHECKING:
    from semscore.jobs.dataset.columns import Layout
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.stores.folder import Folder


def is_own_table(settings: Settings, output: Folder) -> bool:
    """Return whether OUTPUT is a Delta table that runs of this dataset write, and only that.

    Raises UserError if this run would leave the table's log out of date.
    """
    if not ledger.has_log(output) or tables_around(output, False):
        return False
    if settings.target.output_format != "delta":
        raise UserError(
            f"OUTPUT {output.name} is a Delta table, whose log this run would not write. Use "
            "--output-format delta, or choose another OUTPUT"
        )
    return True


def check_format(settings: Settings, layout: Layout, output: Folder) -> None:
    """Raise UserError unless OUTPUT can become the table that is asked for."""
    target = settings.target
    what = f"--output-format {target.output_format}"
    if target.output_format == "parquet":
        return
    if is_remote(output.url) and kind_of(output.url).needs_java:
        raise UserError(
            f"{what} cannot read and write the log of a table in {output.name}. Choose an OUTPUT "
            "on S3 or on a disk, or register the parquet files (docs/tables.md)"
        )
    if target.output_format == "delta":
        with needed_for("delta", what):
            import deltalake  # noqa: F401
        require_legal((*layout.kept, *(name for _, name in settings.added)))
        return
    if layout.partition_by:
        raise UserError(
            f"{what} cannot have partition folders ({some_of(layout.partition_by)}), because an "
            "Iceberg table needs all columns in its files. Use --partition-by none"
        )
    assert target.table is not None
    with needed_for("iceberg", what):
        require_table(target.table, plain_url(output.url))
