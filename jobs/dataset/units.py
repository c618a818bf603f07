"""Files to units of work: what is committed together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from math import ceil

from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.hosts.executors import TASK_ROWS

UNIT_ROWS = 250_000  # what a crash may cost: half an hour on two cores
UNIT_BYTES = 256 * 2**20
UNIT_FILES = 2_000  # Spark looks at each of them before it begins
UNIT_TASKS = 10  # in such a unit; where there is room for more at once, units are larger
GOOD_TASKS = 5  # for one: a fifth of its rows, fewer leave little to de-duplicate and batches small
MIN_TASK_ROWS = 1_000  # so few only to use all slots
TASKS_PER_SLOT = 4  # so that the last tasks of a unit end about together


@dataclass(frozen=True)
class Unit:
    """Whole files that are read, scored and published together."""

    files: tuple[CountedFile, ...]  # all under one root

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
    def what(self) -> str:
        """The unit, for people."""
        more = f" and {len(self.files) - 1:,} more files" if len(self.files) > 1 else ""
        return f"unit {self.id} ({self.files[0].url}{more})"

    @property
    def row_groups(self) -> int:
        """What Spark can read in parallel, at most."""
        return sum(file.row_groups for file in self.files)


def group_files(files: Iterable[CountedFile], scale: int = 1) -> Generator[Unit]:
    """Neighbouring files together, up to `scale` times these bounds; a larger file is a unit.

    As the files come: a unit does not wait for those after it.
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
    """How many times larger than on a small machine units are, so that all slots have work."""
    return max(slots * TASKS_PER_SLOT * task_rows // (UNIT_TASKS * TASK_ROWS), 1)


def task_count(rows: int, slots: int, task_rows: int = TASK_ROWS) -> int:
    """Tasks for so many rows on so many slots: a multiple of the slots where that is possible."""
    tasks = max(
        ceil(rows / task_rows),
        min(TASKS_PER_SLOT * slots, GOOD_TASKS * rows // task_rows),
        min(slots, rows // MIN_TASK_ROWS),
        1,
    )
    return ceil(tasks / slots) * slots if rows >= slots * MIN_TASK_ROWS else tasks
