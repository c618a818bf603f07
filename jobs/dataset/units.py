"""Divide INPUT into units of work. The rows of a unit are committed together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from semscore.jobs.dataset.blocks import RowGroups, part_end, within
from semscore.jobs.dataset.listing import CountedFile, Part
from semscore.jobs.failures.wording import counted
from semscore.jobs.hosts.executors import TASK_ROWS
from semscore.udfs.models.flops import Architecture

UNIT_S = 300.0  # of work for all slots together: two units at a time may be lost in a crash
UNIT_ROWS = 250_000  # in a unit on a small machine, at most
UNIT_BYTES = 256 * 2**20
UNIT_FILES = 2_000  # Spark looks at each of them before it starts
UNIT_TASKS = 10  # in such a unit; if more tasks can run at once, units are larger
GOOD_TASKS = 5  # that one may be split into; smaller ones have few duplicates and small batches
MIN_TASK_ROWS = 250  # tasks are this small only to use all slots
SMALL_PAIR = 1e9  # operations, of a pair of 50 tokens in MiniLM-L6; all these rows are such pairs
TOKEN_BYTES = 4  # of text in a token, about
LONGEST = 512  # tokens that most models read of a text
TASKS_PER_SLOT = 4  # so that the last tasks of a unit end at about the same time

Rows = Sequence[tuple[int, int]]  # of a file: from, to


@dataclass(frozen=True)
class Unit:
    """Whole files, or a part of one file, that are read, scored and published together."""

    files: tuple[CountedFile, ...]  # all under one root

    @property
    def id(self) -> str:
        """Return 12 hex digits that depend on the rows alone: files, sizes, tags and parts."""
        return hashlib.sha256(json.dumps([_names(f) for f in self.files]).encode()).hexdigest()[:12]

    @property
    def rows(self) -> int:
        """Return the number of rows, according to the files' footers and a table's log."""
        return sum(file.live_rows for file in self.files)

    @property
    def what(self) -> str:
        """Return a name for the unit, for messages."""
        others = len(self.files) - 1
        more = f" and {counted(others, 'more file')}" if others else ""
        if part := self.files[0].part:
            more = f", rows {part.start:,} to {part.stop - 1:,}"
        return f"unit {self.id} ({self.files[0].url}{more})"

    @property
    def row_groups(self) -> int:
        """Return the number of row groups, the most that Spark can read in parallel."""
        return sum(file.row_groups for file in self.files)


def _names(file: CountedFile) -> list[Any]:
    """Return what identifies the rows of a file."""
    part = [file.part.start, file.part.stop] if file.part else []
    return [file.url, file.size, file.tag, *([file.deletes] if file.deletes else []), *part]


def source_of(file: CountedFile) -> dict[str, Any]:
    """Return what a unit's record says about a file, or a part of one."""
    source = {"path": file.url, "size": file.size, "tag": file.tag, "rows": file.rows}
    if part := file.part:
        source |= {"start": part.start, "stop": part.stop, "file_rows": part.groups[-1].stop}
    if file.deletes:
        source["deletes"] = file.deletes
    return source


class Division:
    """Divides files into units that take about the same time.

    `rows`: of a unit, about; may be changed at any time. `size`: bytes of the files in a unit of
    several files, at most.
    `groups`: returns the row groups of a file that is larger, or None if parts of files cannot be
    read here; then such a file is a unit of its own. `scored`: URL -> rows of a file that is partly
    scored already.
    """

    def __init__(
        self,
        rows: int = UNIT_ROWS,
        size: int = UNIT_BYTES,
        groups: Callable[[CountedFile], RowGroups | None] = lambda _: None,
        scored: Mapping[str, Rows] | None = None,
    ) -> None:
        self.rows = rows
        self._size, self._groups, self._scored = size, groups, scored or {}

    def units(
        self, files: Iterable[CountedFile], is_bad: Callable[[str], bool] = lambda _: False
    ) -> Generator[Unit]:
        """Yield units of neighbouring files, or of parts of a larger file, in order.

        Each unit is yielded as soon as it is complete. The rest of a file that turned out to be
        `is_bad` (by its URL) is left out.
        """
        held: list[CountedFile] = []
        rows = size = 0
        for file in files:
            full = rows + file.rows > self.rows or size + file.size > self._size
            apart = file.url in self._scored or file.rows > self.rows
            if held and (full or apart or len(held) == UNIT_FILES or held[0].root != file.root):
                yield Unit(tuple(held))
                held, rows, size = [], 0, 0
            if apart:
                for part in self._parts(file):
                    if is_bad(file.url):
                        break
                    yield Unit((part,))
                continue
            held.append(file)
            rows += file.rows
            size += file.size
        if held:
            yield Unit(tuple(held))

    def _parts(self, file: CountedFile) -> Iterator[CountedFile]:
        """Yield the parts of a file that are not scored yet, or the whole file."""
        groups = self._groups(file)
        if groups is None:
            yield file
            return
        for start, stop in gaps(self._scored.get(file.url, ()), file.rows):
            while start < stop:
                end = part_end(groups, start, stop, self.rows)
                if (start, end) == (0, file.rows):
                    yield file
                    return
                yield replace(
                    file,
                    rows=end - start,
                    row_groups=len(within(groups, start, end)),
                    part=Part(start, end, groups),
                )
                start = end


def gaps(scored: Rows, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of a file with `rows` rows that are not in `scored`."""
    at = 0
    for start, stop in sorted(scored):
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < rows:
        yield at, rows


def rows_in_time(
    rows_per_s: float | None, slots: int, task_rows: int, seconds: float = UNIT_S
) -> int:
    """Return how many rows a run scores in a time: at least some small tasks for each slot.

    `rows_per_s`: of all slots together; None if it is not known yet. A slow model may take minutes
    for a small task, so a unit has no more until then.
    """
    rows = max(round((rows_per_s or 0) * seconds), slots * TASKS_PER_SLOT * least(task_rows))
    return min(rows, UNIT_ROWS * unit_scale(slots, task_rows))


def row_flop(model: Architecture, text_bytes: Iterable[float], limit: int | None) -> float:
    """Return about how many operations a row takes.

    `text_bytes`: the average size of each of its texts. `limit`: tokens that are read of a text.
    """
    tokens = (min(size / TOKEN_BYTES, limit or LONGEST) for size in text_bytes)
    return sum(map(model.flop, tokens))


def fitting(task_rows: int, flop: float) -> int:
    """Return the rows of a task that takes about as long as `task_rows` short pairs in MiniLM-L6.

    `flop`: the operations that a row takes.
    """
    return max(round(task_rows * min(1.0, SMALL_PAIR / max(flop, 1.0))), 1)


def least(task_rows: int) -> int:
    """Return how few rows a task may have, given those that a task should have."""
    return min(MIN_TASK_ROWS, max(task_rows * MIN_TASK_ROWS // TASK_ROWS, 1))


def unit_scale(slots: int, task_rows: int) -> int:
    """Return how many times larger than on a small machine units are, to keep all slots busy."""
    return max(slots * TASKS_PER_SLOT * task_rows // (UNIT_TASKS * TASK_ROWS), 1)


def task_count(rows: int, slots: int, task_rows: int = TASK_ROWS) -> int:
    """Return the number of tasks for these rows: a multiple of the slots where possible."""
    tasks = max(
        ceil(rows / task_rows),
        min(TASKS_PER_SLOT * slots, GOOD_TASKS * rows // task_rows),
        min(slots, rows // least(task_rows)),
        1,
    )
    return ceil(tasks / slots) * slots if rows >= slots * least(task_rows) else tasks
