"""Which run writes to an output: one at a time, and one that has died is succeeded.

    _semscore/lease/<number>.json

Who creates the next number holds the lease: one step of the storage, so that of many one wins.
Numbers only grow and the last one stays: a run that was stopped, and wakes up when another has
taken over, finds a higher number than its own, now and for ever.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from threading import Event, Thread
from time import monotonic, sleep
from types import TracebackType
from typing import NamedTuple

from semscore.udfs.errors import OutputInUse
from semscore.udfs.gpus.leases import boot_id, started
from semscore.udfs.stores.folder import Folder

HOME = "_semscore/lease"
FILE = re.compile(rf"{HOME}/\d{{9}}\.json")
BEAT_S = 10.0
SURE_S = 1.0  # a look at the lease is good for this long
UNKNOWN_S = 60.0  # without a change, until a run that cannot be looked at counts as dead
LOOK_S = 1.0

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Owner:
    """Who holds a lease."""

    run: str
    host: str
    place: str  # where its pid means something: a boot of a system, and a space of pids in it
    pid: int
    started: str  # of the process, for pids return
    beat: int = 0  # grows as long as the run lives
    released: bool = False


class Last(NamedTuple):
    """The lease with the highest number, and who has or had it."""

    number: int  # 0: there is none
    owner: Owner | None


def require_free(output: Folder, patience: float = UNKNOWN_S) -> Last:
    """The last lease, when it binds nobody any more.

    Raises OutputInUse if its owner lives. That is seen at once in this system; else it takes
    `patience` seconds.
    """
    last = _last(output)
    owner = last.owner
    if owner is None or owner.released:
        return last
    if owner.place == _place():
        if started(owner.pid) == owner.started:
            raise _in_use(output, owner)
        return last
    log.warning("looking %.0f s whether run %s on %s still writes", patience, owner.run, owner.host)
    end = monotonic() + patience
    while monotonic() < end:
        sleep(LOOK_S)
        if _last(output) != last:
            raise _in_use(output, owner)
    return last


class Lease:
    """Held from `with` to its end; a thread shows meanwhile that the run lives.

    `seen`: what require_free has found before, and need not find again.
    """

    def __init__(
        self, output: Folder, run: str, seen: Last | None = None, patience: float = UNKNOWN_S
    ) -> None:
        self._output, self._seen, self._patience = output, seen, patience
        pid = os.getpid()
        self._owner = Owner(run, socket.gethostname(), _place(), pid, started(pid) or "")
        self.run = run
        self.number = 0  # no other run has had the same here, nor will
        self._ended = Event()
        self._leaves_trace = True
        self._beats = Thread(target=self._beat, name="semscore-lease", daemon=True)

    def __enter__(self) -> Lease:
        """Take the lease; OutputInUse if another run has it."""
        while not self.number:
            last = _last(self._output)
            if last != self._seen:
                last = require_free(self._output, self._patience)
            if self._output.create_if_absent(_path(last.number + 1), _json(self._owner)):
                self.number = last.number + 1
        self.require()  # by now others may have come, and gone, with higher numbers
        old = [path for path in _paths(self._output) if path < _path(self.number)]
        self._output.delete(old)
        self._beats.start()
        return self

    def require(self) -> None:
        """Raise OutputInUse if another run has taken over."""
        last = _last(self._output)
        if last.number != self.number:
            owner = last.owner
            who = f"run {owner.run} on {owner.host}" if owner else "another run"
            raise OutputInUse(
                f"{who} has taken over OUTPUT {self._output.name}, since this one seemed to be "
                "dead; what is committed stays, and the other run does the rest"
            )

    def while_held(self, paths: Iterable[str]) -> Iterator[str]:
        """The same paths, as long as no other run has taken over; OutputInUse then.

        For what cannot be undone. A process that is stopped in between notices before the next.
        """
        looked = float("-inf")
        for path in paths:
            if monotonic() - looked > SURE_S:
                looked = monotonic()
                self.require()
            yield path

    def leave_no_trace(self) -> None:
        """Delete the lease at its end, so that OUTPUT is as if this run had never been.

        Only where nobody else has ever held it: numbers would be used twice else.
        """
        self._leaves_trace = self.number > 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Release it: the next run need not wait. Raises OutputInUse if an error came of that."""
        self._ended.set()
        self._beats.join()
        if isinstance(error, Exception) and not isinstance(error, OutputInUse):
            self.require()  # else that is the reason
        with suppress(Exception):
            if self._leaves_trace:
                self._output.write(_path(self.number), _json(replace(self._owner, released=True)))
            else:
                self._output.delete([_path(self.number)])

    def _beat(self) -> None:
        beat = 0
        while not self._ended.wait(BEAT_S):
            beat += 1
            try:
                self._output.write(_path(self.number), _json(replace(self._owner, beat=beat)))
            except Exception:  # the next beat may come through; others wait for several
                log.debug("lease not renewed", exc_info=True)


def _last(output: Folder) -> Last:
    paths = _paths(output)
    if not paths:
        return Last(0, None)
    content = output.read(paths[-1])
    number = int(PurePosixPath(paths[-1]).stem)
    return Last(number, Owner(**json.loads(content)) if content else None)


def _paths(output: Folder) -> list[str]:
    """In order; without what the storage has in work."""
    return [entry.path for entry in output.entries(HOME) if FILE.fullmatch(entry.path)]


def _path(number: int) -> str:
    return f"{HOME}/{number:09}.json"


def _place() -> str:
    """A container has a space of pids of its own, and the boot of its host."""
    try:
        return f"{boot_id()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{boot_id()} {socket.gethostname()}"


def _in_use(output: Folder, owner: Owner) -> OutputInUse:
    return OutputInUse(
        f"run {owner.run} writes to OUTPUT {output.name} (process {owner.pid} on {owner.host}); "
        "wait for it, or choose another folder"
    )


def _json(owner: Owner) -> bytes:
    return json.dumps(asdict(owner), indent=1).encode()
