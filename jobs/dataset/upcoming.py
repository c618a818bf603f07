"""The units that a run has not begun yet. They are formed as footers are read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator

from semscore.jobs.dataset.listing import BadFile, CountedFile
from semscore.jobs.dataset.units import Unit, group_files

log = logging.getLogger("semscore")


class Upcoming:
    """A queue of units. The first is ready before the last is known.

    `files`: in order, with the bad files among them. `size`: bytes of all files.
    """

    def __init__(self, files: Iterable[CountedFile | BadFile], size: int, scale: int = 1) -> None:
        self.bad: list[BadFile] = []  # so far
        self._all, self._seen = size, 0  # bytes
        self._made, self._rows = 0, 0  # of units so far
        self._units = group_files(self._good(files), scale)
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

    def make_all(self) -> None:
        """Read all remaining footers. From then on, all figures are exact."""
        while not self._ended:
            self._make()

    def close(self) -> None:
        """Stop reading footers."""
        self._units.close()
        self._ended = True

    @property
    def exact(self) -> bool:
        """Return whether all units are formed."""
        return self._ended

    @property
    def units(self) -> int:
        """Return the number of units, including those taken. Estimates unread files by size."""
        return self._estimated(self._made)

    @property
    def rows(self) -> int:
        """Return the number of rows in all units, estimated in the same way."""
        return self._estimated(self._rows)

    def _estimated(self, figure: int) -> int:
        if self._ended or not self._seen:
            return figure
        return max(round(figure * self._all / self._seen), figure)

    def _make(self) -> None:
        unit = next(self._units, None)
        if unit is None:
            self._ended = True
        else:
            self._ready.append(unit)
            self._made += 1
            self._rows += unit.rows
            self._seen += sum(file.size for file in unit.files)

    def _good(self, files: Iterable[CountedFile | BadFile]) -> Iterator[CountedFile]:
        for file in files:
            if isinstance(file, BadFile):
                log.warning("set aside %s: %s", file.path, file.reason)
                self.bad.append(file)
            else:
                yield file
