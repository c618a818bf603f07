"""The files of an INPUT that is read as plain parquet: all, or those that a stream's log lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from semscore.jobs.table_logs.recognised import DELTA, ICEBERG, STREAM, tables_around, tables_below
from semscore.jobs.table_logs.streams import committed
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Entry, Folder

WAYS = (
    "Read the table in its own format and score it with similarity() (docs/tables.md), or export "
    "its rows as plain parquet and use that folder"
)
# Folders of a transactional Hive table: each write creates a new base or delta.
HIVE = re.compile(r"(^|/)(base_0\d{6}|(delete_)?delta_0\d{6}_0\d{6}(_\d{4})?)(_v\d+)?/")


def files_that_count(
    given: str, folder: Folder, entries: Sequence[Entry], is_file: bool
) -> Sequence[Entry]:
    """Return the files of an input that count: all, or those that a stream's log lists.

    `folder` is the given folder, or the one that contains the given file. Raises UserError for
    tables.
    """
    tables = [*([] if is_file else tables_below(folder, entries)), *tables_around(folder, is_file)]
    for table in tables:
        if table.kind.log != STREAM:
            itself = table.folder is folder and not is_file
            relation = "contains" if table.root else "is" if itself else "is inside"
            is_read = table.kind in (DELTA, ICEBERG)
            way = f"Use the table itself as INPUT: {table.name}" if is_read else WAYS
            raise UserError(
                f"INPUT {given} {relation} {table.kind.what} ({table.name}). The log in "
                f"{table.kind.log} decides which of its files count. {way}"
            )
    if hive := next(filter(HIVE.search, (entry.path for entry in entries)), None):
        raise UserError(
            f"INPUT {given} is a transactional Hive table ({hive}), in which later folders change "
            f"the rows of earlier ones. {WAYS}"
        )
    for stream in tables:
        entries = committed(given, folder, entries, is_file, stream)
    return entries
