"""The units that a run has not begun yet. They are formed as footers are read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from math import ceil

from semscore.jobs.dataset.listing import BadFile, CountedFile
from semscore.jobs.dataset.units import Division, Unit

log = logging.getLogger("semscore")


class Upcoming:
    """A queue of units. The first is ready before the last is known.

    `files`: in order, with the bad files among them. `size`: bytes of all files. `rows`: of all
    units, if it is known.
    """

    def __init__(
        self,
        files: Iterable[CountedFile | BadFile],
        size: int,
        division: Division | None = None,
        rows: int | None = None,
    ) -> None:
        self.bad: list[BadFile] = []  # so far
        self._all, self._seen = size, 0.0  # bytes
        self._total = rows
        self._made, self._rows = 0, 0  # of units so far
        self._division = division or Division()
        self._units = self._division.units(self._good(files), self._is_bad)
        self._ready: deque[Unit] = deque()
        self._ended = False

    def peek(self) -> Unit | None:
        """Return the next unit without removing it, or None if none is left."""
        while not self._ready and not self._ended:
            self._make()
        return self._ready[0] if self._ready else None

    def take(self) -> Unit:
        """Remove and return the next unit. Raises IndexError if none is left."""
        self.peek()
        return self._ready.popleft()

    def form(self, rows: int) -> None:
        """Let the units that are not formed yet have about this number of rows."""
        self._division.rows = rows

    def make_all(self) -> None:
        """Read all remaining footers. From then on, all figures are exact."""
        while not self._ended:
            self._make()

    def close(self) -> None:
        """Stop reading footers."""
        self._units.close()
        self._ended = True

    def set_aside(self, files: Iterable[BadFile]) -> None:
        """Add files that turned out to be bad. No more of their rows are handed out."""
        known = {file.path for file in self.bad}
        self.bad += [file for file in files if file.path not in known]

    @property
    def exact(self) -> bool:
        """Return whether the number of rows is known, and not an estimate."""
        return self._ended or self._total is not None

    @property
    def units(self) -> int:
        """Return the number of units, including those taken, as far as it can be estimated."""
        if self._ended:
            return self._made
        left, so_far = self.rows - self._rows, self._rows / max(self._made, 1)
        return self._made + ceil(left / max(self._division.rows, so_far))

    @property
    def rows(self) -> int:
        """Return the number of rows in all units. Estimates unread files by their size."""
        if self._total is not None:
            return self._total
        if self._ended or not self._seen:
            return self._rows
        return max(round(self._rows * self._all / self._seen), self._rows)

    def _make(self) -> None:
        unit = next(self._units, None)
        if unit is None:
            self._ended = True
        else:
            self._ready.append(unit)
            self._made += 1
            self._rows += unit.rows
            self._seen += sum(map(_bytes, unit.files))

    def _is_bad(self, url: str) -> bool:
        return any(file.path == url for file in self.bad)

    def _good(self, files: Iterable[CountedFile | BadFile]) -> Iterator[CountedFile]:
        for file in files:
            if isinstance(file, BadFile):
                log.warning("set aside %s: %s", file.path, file.reason)
                self.bad.append(file)
            else:
                yield file


def _bytes(file: CountedFile) -> float:
    """Return the size of a file, or about that of a part of it."""
    return file.size * file.rows / file.part.groups[-1].stop if file.part else file.size
