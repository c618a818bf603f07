"""Group files into units of work. The files of a unit are committed together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from math import ceil

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.failures.wording import counted
from semscore.jobs.hosts.executors import TASK_ROWS

UNIT_ROWS = 250_000  # that a crash may cost: half an hour of work on two cores
UNIT_BYTES = 256 * 2**20
UNIT_FILES = 2_000  # Spark looks at each of them before it starts
UNIT_TASKS = 10  # in such a unit; if more tasks can run at once, units are larger
GOOD_TASKS = 5  # that one may be split into; smaller ones have few duplicates and small batches
MIN_TASK_ROWS = 1_000  # tasks are this small only to use all slots
TASKS_PER_SLOT = 4  # so that the last tasks of a unit end at about the same time


@dataclass(frozen=True)
class Unit:
    """Whole files that are read, scored and published together."""

    files: tuple[CountedFile, ...]  # all under one root

    @property
    def id(self) -> str:
        """Return 12 hex digits that depend on the files alone: their URLs, sizes and tags."""
        sources = [[file.url, file.size, file.tag] for file in self.files]
        return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:12]

    @property
    def rows(self) -> int:
        """Return the number of rows, according to the files' footers."""
        return sum(file.rows for file in self.files)

    @property
    def what(self) -> str:
        """Return a name for the unit, for messages."""
        others = len(self.files) - 1
        more = f" and {counted(others, 'more file')}" if others else ""
        return f"unit {self.id} ({self.files[0].url}{more})"

    @property
    def row_groups(self) -> int:
        """Return the number of row groups, the most that Spark can read in parallel."""
        return sum(file.row_groups for file in self.files)


def group_files(files: Iterable[CountedFile], scale: int = 1) -> Generator[Unit]:
    """Yield units of neighbouring files, each up to `scale` times the limits of this module.

    A larger file is a unit of its own. Each unit is yielded as soon as it is complete.
    """
    held: list[CountedFile] = []
    rows = size = 0
    for file in files:
        full = rows + file.rows > UNIT_ROWS * scale or size + file.size > UNIT_BYTES * scale
        if held and (full or len(held) == UNIT_FILES or held[0].root != file.root):
            yield Unit(tuple(held))
            held, rows, size = [], 0, 0
        held.append(file)
        rows += file.rows
        size += file.size
    if held:
        yield Unit(tuple(held))


def unit_scale(slots: int, task_rows: int) -> int:
    """Return how many times larger than on a small machine units are, to keep all slots busy."""
    return max(slots * TASKS_PER_SLOT * task_rows // (UNIT_TASKS * TASK_ROWS), 1)


def task_count(rows: int, slots: int, task_rows: int = TASK_ROWS) -> int:
    """Return the number of tasks for these rows: a multiple of the slots where possible."""
    tasks = max(
        ceil(rows / task_rows),
        min(TASKS_PER_SLOT * slots, GOOD_TASKS * rows // task_rows),
        min(slots, rows // MIN_TASK_ROWS),
        1,
    )
    return ceil(tasks / slots) * slots if rows >= slots * MIN_TASK_ROWS else tasks
