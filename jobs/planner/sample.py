"""Read a sample: chunks of neighbouring rows across the dataset, and only the text columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.dataset.footers import reason
from semscore.jobs.dataset.listing import BadFile, SourceFile
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.table_source import names_in_file
from semscore.jobs.options.settings import Settings
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.names import NO_VALUE
from semscore.udfs.stores.registry import Storage
from semscore.udfs.texts.from_arrow import python_texts

CHUNKS = 12  # enough to show how parts of a dataset differ
CHUNK_BYTES = 16 * 2**20  # of text in one chunk
CHUNK_FILES = 16  # at most, for a chunk that spans small files
READ_ROWS = 2048  # rows read at a time
READ_S = 15.0  # after this, no further chunk is read
# Chunks are read in steps of this part of a circle, so that the first few are already spread out.
TURN = 0.618


@dataclass(frozen=True)
class Chunk:
    """Neighbouring rows of the dataset: their columns of texts."""

    columns: tuple[pd.Series[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0])


@dataclass(frozen=True)
class Piece:
    """Some rows of one file, starting at `start`."""

    file: SourceFile
    start: int
    rows: int


@dataclass(frozen=True)
class Sample:
    """Chunks that were read, and files that could not be read."""

    chunks: tuple[Chunk, ...]  # in the order of the dataset
    bad: tuple[BadFile, ...]
    is_all: bool  # every row of the dataset is in it

    @property
    def rows(self) -> int:
        """Number of rows read."""
        return sum(map(len, self.chunks))


def take_sample(
    source: Source, settings: Settings, storage: Storage, chunk_rows: int, chunks: int = CHUNKS
) -> Sample:
    """Read up to `chunks` chunks of at most `chunk_rows` rows, within about READ_S.

    Raises UserError if no row could be read.
    """
    files = [(file, source.counts[file.url][0]) for file in source.counted_files]
    places = spread(files, chunk_rows, chunks)
    taken: dict[int, Chunk] = {}
    bad: list[BadFile] = []
    until = monotonic() + READ_S
    for place in sorted(range(len(places)), key=lambda k: k * TURN % 1):
        if taken and monotonic() > until:
            break
        taken[place] = _read(places[place], source, settings, storage, bad)
    found = tuple(chunk for _, chunk in sorted(taken.items()) if len(chunk))
    if not found:
        why = f"{bad[0].path}: {bad[0].reason}" if bad else "its files have no rows"
        raise UserError(f"no row of INPUT could be read: {why}")
    rows = sum(map(len, found))
    is_all = rows == source.rows and len(source.counts) == len(source.files)
    return Sample(found, tuple(bad), is_all)


def spread(
    files: Sequence[tuple[SourceFile, int]], chunk_rows: int, chunks: int
) -> list[list[Piece]]:
    """Return the pieces of each chunk, at equal distances across all rows.

    If the chunks can cover all rows, they follow one another. `files`: files with their numbers of
    rows, in order. A chunk can span several files.
    """
    total = sum(rows for _, rows in files)
    if total <= chunk_rows * chunks:
        starts = list(range(0, total, chunk_rows))
    else:
        starts = [k * (total - chunk_rows) // max(chunks - 1, 1) for k in range(chunks)]
    return [_pieces(files, start, min(start + chunk_rows, total)) for start in starts]


def _pieces(files: Sequence[tuple[SourceFile, int]], start: int, end: int) -> list[Piece]:
    """Return the parts of files between two rows of the dataset."""
    pieces: list[Piece] = []
    first = 0
    for file, rows in files:
        low, high = max(start, first), min(end, first + rows)
        if low < high and len(pieces) < CHUNK_FILES:
            pieces.append(Piece(file, low - first, high - low))
        first += rows
    return pieces


def _read(
    pieces: Sequence[Piece],
    source: Source,
    settings: Settings,
    storage: Storage,
    bad: list[BadFile],
) -> Chunk:
    """Read the rows of some pieces, up to CHUNK_BYTES. Adds unreadable files to `bad`."""
    names = [name for _, name in settings.texts]
    parts: list[list[pa.Array]] = []
    left = CHUNK_BYTES
    for piece in pieces:
        try:
            for part in _batches(piece, names, source, storage):
                parts.append(part)
                left -= sum(column.nbytes for column in part)
                if left <= 0:
                    break
        except StorageError:
            raise
        except (pa.ArrowException, OSError) as error:
            if piece.file.url not in {file.path for file in bad}:
                bad.append(BadFile(piece.file.url, reason(error)))
        if left <= 0:
            break
    read = [
        pd.Series([text for part in parts for text in python_texts(part[k])], dtype=object)
        for k in range(len(names))
    ]
    if (constant := settings.columns.text2_value) is not None:
        read.append(pd.Series([constant] * len(read[0]), dtype=object))
    return Chunk(tuple(read))


def _batches(
    piece: Piece, names: Sequence[str], source: Source, storage: Storage
) -> Iterator[list[pa.Array]]:
    """Yield the text columns of a piece's live rows, reading only its row groups."""
    deleted, at = source.deleted(piece.file.url), piece.start
    with storage.folder(piece.file.root).open(piece.file.entry) as opened:
        file = pq.ParquetFile(opened)
        stored = _stored(file.schema_arrow, names, source)
        first, groups, before = 0, [], 0
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first + rows <= piece.start:
                before += rows
            elif first < piece.start + piece.rows:
                groups.append(group)
            first += rows
        skip, left = piece.start - before, piece.rows
        for batch in file.iter_batches(READ_ROWS, groups, columns=list(stored.values())):
            part = batch.slice(skip, left)
            skip = max(skip - batch.num_rows, 0)
            left -= part.num_rows
            rows = np.arange(at, at + part.num_rows)
            at += part.num_rows
            if len(deleted):
                part = part.filter(pa.array(~np.isin(rows, deleted)))
            if part.num_rows:
                yield [_text(part, stored, name, source, piece.file) for name in names]
            if not left:
                return


def _stored(schema: pa.Schema, names: Sequence[str], source: Source) -> dict[str, str]:
    """Return which of some columns a file has, and their names there."""
    in_file = {name: name for name in schema.names}
    if source.table:
        in_file = names_in_file(schema, source.table)
    wanted = [name for name in dict.fromkeys(names) if name not in source.partition_columns]
    return {name: in_file[name] for name in wanted if name in in_file}


def _text(
    batch: pa.RecordBatch, stored: dict[str, str], name: str, source: Source, file: SourceFile
) -> pa.Array:
    """Return a column of a batch, or the one value that a partition column has in the file.

    A column that the file of a table lacks is null.
    """
    if name in stored:
        return batch.column(batch.schema.get_field_index(stored[name]))
    text = None
    if source.table is None:
        folders = (part.partition("=") for part in file.path.split("/")[:-1])
        value = next(value for key, _, value in folders if unquote(key, "latin-1") == name)
        text = None if value == NO_VALUE else unquote(value)
    elif name in source.table.partition:
        text = source.table.values(file.url)[source.table.partition.index(name)]
    return pa.array([text] * batch.num_rows, pa.string())
