"""Decide which committed units count: those that a run found when it took over, and its own.

    _semscore/seals/<number>.json

A unit counts if the last seal names it, or if the run that wrote that seal committed it. A run that
takes over writes the next seal, in one step of the storage. What runs that only seemed dead commit
afterwards never counts, however late it arrives.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import PurePosixPath
from typing import NamedTuple

from semscore.udfs.stores.folder import Folder

HOME = "_semscore/seals"
FILE = re.compile(rf"{HOME}/\d{{9}}\.json")

log = logging.getLogger("semscore")


class Seal(NamedTuple):
    """The units that counted when a run took over. Those that this run commits count as well."""

    number: int  # 0 if no run has started
    lease: int
    units: frozenset[str]  # paths of records

    def counts(self, path: str) -> bool:
        """Return whether the record at a path belongs to the dataset."""
        return path in self.units or path.endswith(f"-{self.lease}.json")


def last_seal(output: Folder) -> Seal:
    """Return the last seal. Its number is 0 if there is none."""
    while paths := seals(output):
        # If the file is gone, a later one exists.
        if content := output.read(paths[-1]):
            seal = json.loads(content)
            number = int(PurePosixPath(paths[-1]).stem)
            return Seal(number, seal["lease"], frozenset(seal["units"]))
    return Seal(0, 0, frozenset())


def is_counted(output: Folder, path: str, lease: int, seal_of_run: str | None) -> bool:
    """Return whether a record counts that the holder of a lease has just written.

    `seal_of_run`: path of the seal that its run wrote. While this is the last one, it is not read
    again. If seals cannot be read, the record is taken to count, and the run finds out later.
    """
    try:
        if seals(output)[-1:] == [seal_of_run]:
            return True
        seal = last_seal(output)
    except OSError:
        log.debug("seal not read", exc_info=True)
        return True
    return seal.lease <= lease or seal.counts(path)


def seals(output: Folder) -> list[str]:
    """Return the paths of all seals in order, without files that are still being written."""
    return [entry.path for entry in output.entries(HOME) if FILE.fullmatch(entry.path)]


def seal_path(number: int) -> str:
    """Return the path of a seal."""
    return f"{HOME}/{number:09}.json"
