"""Which committed units count: those that a run found when it took over, and its own.

    _semscore/seals/<number>.json

A unit counts if the last seal names it, or if it is of the run that wrote that seal. Who takes over
writes the next one, one step of the storage: what runs that only seemed dead commit later never
counts, however late it arrives.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import NamedTuple

from semscore.udfs.stores.folder import Folder

HOME = "_semscore/seals"
FILE = re.compile(rf"{HOME}/\d{{9}}\.json")


class Seal(NamedTuple):
    """Which units counted when a run took over; those that this run commits count too."""

    number: int  # 0: nobody has begun
    lease: int
    units: frozenset[str]  # paths of records

    def counts(self, path: str) -> bool:
        """Whether the record at a path is one of the dataset's."""
        return path in self.units or path.endswith(f"-{self.lease}.json")


def last_seal(output: Folder) -> Seal:
    """The seal that holds; its number is 0 if there is none."""
    while paths := seals(output):
        if content := output.read(paths[-1]):  # else a later one has come, and this is gone
            told = json.loads(content)
            number = int(PurePosixPath(paths[-1]).stem)
            return Seal(number, told["lease"], frozenset(told["units"]))
    return Seal(0, 0, frozenset())


def seals(output: Folder) -> list[str]:
    """All paths, in order; without what the storage has in work."""
    return [entry.path for entry in output.entries(HOME) if FILE.fullmatch(entry.path)]


def seal_path(number: int) -> str:
    """Where a seal is."""
    return f"{HOME}/{number:09}.json"
