"""The blocks of a parquet file: the smallest parts that a unit of work can consist of.

Blocks depend on the file alone. A row group of up to BLOCK_ROWS rows is a block. A larger row group
is divided into pieces of BLOCK_ROWS rows, counted from its start. A row group with very many rows
has larger pieces, so that it has at most MOST_PIECES.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from semscore.udfs.stores.folder import Entry, Folder

# Other values would divide the rest of a dataset that was begun with these differently: its records
# name rows of files, and a part begins where a block does.
BLOCK_ROWS = 2_000  # minutes of work even for a slow model on one core
MOST_PIECES = 2_000


@dataclass(frozen=True)
class RowGroup:
    """A row group that has rows."""

    start: int  # its first row in the file
    rows: int
    middle: int  # byte in the file; Spark reads a row group in the split that contains this byte

    @property
    def stop(self) -> int:
        """Return the row after its last one."""
        return self.start + self.rows

    @property
    def piece_rows(self) -> int:
        """Return the number of rows in a piece of this row group; the last may have fewer."""
        return max(BLOCK_ROWS, ceil(self.rows / MOST_PIECES))


RowGroups = Sequence[RowGroup]


def read_row_groups(folder: Folder, entry: Entry) -> RowGroups:
    """Return the row groups of a file whose footer has been read before.

    Raises OSError if the file cannot be read any more.
    """
    with folder.open(entry) as file:
        return row_groups_of(pq.read_metadata(file))


def row_groups_of(metadata: pq.FileMetaData) -> RowGroups:
    """Return the row groups that have rows.

    The middle is that of parquet-java's filterFileMetaDataByMidpoint.
    """
    groups, start = [], 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        chunks = [group.column(i) for i in range(group.num_columns)]
        first = chunks[0].data_page_offset
        if chunks[0].has_dictionary_page:
            first = min(first, chunks[0].dictionary_page_offset)
        size = sum(chunk.total_compressed_size for chunk in chunks)
        if group.num_rows:
            groups.append(RowGroup(start, group.num_rows, first + size // 2))
        start += group.num_rows
    return tuple(groups)


def part_end(groups: RowGroups, start: int, stop: int, most: int) -> int:
    """Return where a part of a file that begins at row `start` ends.

    A part consists of whole row groups, or of neighbouring pieces of one row group. It has at most
    `most` rows if that is possible, and ends before `stop`. Both `start` and `stop` are the ends of
    blocks.
    """
    place = bisect_right(groups, start, key=lambda group: group.start) - 1
    first = groups[place]
    whole = start == first.start and first.stop <= stop
    if not whole or first.rows > max(most, first.piece_rows):
        return min(start + max(most // first.piece_rows, 1) * first.piece_rows, first.stop, stop)
    end = first.stop
    for group in groups[place + 1 :]:
        if group.stop > stop or group.stop - start > most:
            break
        end = group.stop
    return end


def within(groups: RowGroups, start: int, stop: int) -> RowGroups:
    """Return the row groups that have rows from `start` to `stop`."""
    return [group for group in groups if group.start < stop and group.stop > start]
