"""Files to units of work: what is committed together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from semscore.jobs.dataset.source import SourceFile

UNIT_ROWS = 250_000  # what a crash may cost: half an hour on two cores, far less on GPUs
UNIT_BYTES = 256 * 2**20
TASK_ROWS = 25_000  # a lost task costs a minute or so
GOOD_TASK_ROWS = 5_000  # fewer leave little to de-duplicate, and batches of one length small
MIN_TASK_ROWS = 1_000  # so few only to use all slots
TASKS_PER_SLOT = 4  # so that the last tasks of a unit end about together


@dataclass(frozen=True)
class Unit:
    """Whole files that are read, scored and published together."""

    files: tuple[SourceFile, ...]  # all under one root

    @property
    def id(self) -> str:
        """12 hex digits that depend on these files alone: where, size and tag."""
        sources = [[file.url, file.size, file.tag] for file in self.files]
        return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:12]

    @property
    def rows(self) -> int:
        """Rows by the files' footers."""
        return sum(file.rows for file in self.files)

    @property
    def row_groups(self) -> int:
        """What Spark can read in parallel, at most."""
        return sum(file.row_groups for file in self.files)


def group_files(files: Iterable[SourceFile]) -> list[Unit]:
    """Neighbouring files together, up to the bounds above; a larger file is a unit of its own."""
    units: list[Unit] = []
    held: list[SourceFile] = []
    rows = size = 0
    for file in files:
        full = rows + file.rows > UNIT_ROWS or size + file.size > UNIT_BYTES
        if held and (full or held[0].root != file.root):
            units.append(Unit(tuple(held)))
            held, rows, size = [], 0, 0
        held.append(file)
        rows += file.rows
        size += file.size
    return [*units, Unit(tuple(held))] if held else units


def task_count(rows: int, slots: int) -> int:
    """Tasks for so many rows on so many slots: a multiple of the slots where that is possible."""
    tasks = max(
        ceil(rows / TASK_ROWS),
        min(TASKS_PER_SLOT * slots, rows // GOOD_TASK_ROWS),
        min(slots, rows // MIN_TASK_ROWS),
        1,
    )
    return ceil(tasks / slots) * slots if rows >= slots * MIN_TASK_ROWS else tasks
