"""The lease on an output: one run writes at a time, and another can take over from a dead run.

    _semscore/lease/<number>.json

The run that creates the file with the next number holds the lease. The storage does this in one
step, so only one of several runs succeeds. Numbers only grow, and the file with the highest number
stays. A run that was suspended, and wakes up after another run has taken over, therefore always
finds a higher number than its own.
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
SURE_S = 1.0  # a check of the lease is valid for this long
UNKNOWN_S = 60.0  # without a change, until a run on another host counts as dead
LOOK_S = 1.0

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Owner:
    """The holder of a lease."""

    run: str  # its id
    host: str  # where it runs
    place: str  # where its pid is valid: a boot of a system, and a pid namespace in it
    pid: int  # its process
    started: str  # start time of the process, because pids are reused
    beat: int = 0  # increases while the run lives
    released: bool = False  # whether the run has ended


class Last(NamedTuple):
    """The lease with the highest number, and its holder or last holder."""

    number: int  # 0 if there is no lease
    owner: Owner | None


def require_free(output: Folder, patience: float = UNKNOWN_S) -> Last:
    """Return the last lease, once no living run holds it.

    Raises OutputInUse if its owner lives. This is known at once if the owner is on the same system;
    otherwise it takes up to `patience` seconds.
    """
    last = _last(output)
    owner = last.owner
    if owner is None or owner.released:
        return last
    if owner.place == _place():
        if started(owner.pid) == owner.started:
            raise _in_use(output, owner)
        return last
    log.warning(
        "waiting up to %.0f s to see whether run %s on %s is still writing",
        patience,
        owner.run,
        owner.host,
    )
    end = monotonic() + patience
    while monotonic() < end:
        sleep(LOOK_S)
        if _last(output) != last:
            raise _in_use(output, owner)
    return last


class Lease:
    """A lease that is held within a `with` block, while a thread shows that the run lives.

    `seen`: the result of an earlier require_free, which is not called again if nothing changed.
    """

    def __init__(
        self, output: Folder, run: str, seen: Last | None = None, patience: float = UNKNOWN_S
    ) -> None:
        self._output, self._seen, self._patience = output, seen, patience
        pid = os.getpid()
        self._owner = Owner(run, socket.gethostname(), _place(), pid, started(pid) or "")
        self.run = run
        self.number = 0  # no other run ever has the same number here
        self.seal: str | None = None  # path of the seal that the run wrote
        self._ended = Event()
        self._leaves_trace = True
        self._beats = Thread(target=self._beat, name="semscore-lease", daemon=True)

    def __enter__(self) -> Lease:
        """Take the lease. Raises OutputInUse if another run holds it."""
        while not self.number:
            last = _last(self._output)
            if last != self._seen:
                last = require_free(self._output, self._patience)
            if self._output.create_if_absent(_path(last.number + 1), _json(self._owner)):
                self.number = last.number + 1
        self.require()  # meanwhile other runs may have taken, and released, higher numbers
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
                f"{who} has taken over OUTPUT {self._output.name}, because this run seemed to be "
                "dead. Committed units are kept, and the other run scores the rest"
            )

    def while_held(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the same paths. Raises OutputInUse once another run has taken over.

        For actions that cannot be undone. A process that is suspended in between notices before it
        acts on the next path.
        """
        looked = float("-inf")
        for path in paths:
            if monotonic() - looked > SURE_S:
                looked = monotonic()
                self.require()
            yield path

    def leave_no_trace(self) -> None:
        """Delete the lease at its end, so that OUTPUT is as it was before this run.

        Has no effect if another run has ever held the lease, because a number would be used twice.
        """
        self._leaves_trace = self.number > 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Release the lease, so that the next run need not wait.

        Raises OutputInUse if the block failed because another run has taken over.
        """
        self._ended.set()
        self._beats.join()
        if isinstance(error, Exception) and not isinstance(error, OutputInUse):
            self.require()  # if the lease was lost, that is the reason
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
            except Exception:  # the next beat may succeed; other runs wait for several
                log.debug("lease not renewed", exc_info=True)


def _last(output: Folder) -> Last:
    paths = _paths(output)
    if not paths:
        return Last(0, None)
    content = output.read(paths[-1])
    number = int(PurePosixPath(paths[-1]).stem)
    return Last(number, Owner(**json.loads(content)) if content else None)


def _paths(output: Folder) -> list[str]:
    """Return the paths of all leases in order, without files that are still being written."""
    return [entry.path for entry in output.entries(HOME) if FILE.fullmatch(entry.path)]


def _path(number: int) -> str:
    return f"{HOME}/{number:09}.json"


def _place() -> str:
    """Return where a pid is valid: a boot of the host, and a pid namespace, as containers have."""
    try:
        return f"{boot_id()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{boot_id()} {socket.gethostname()}"


def _in_use(output: Folder, owner: Owner) -> OutputInUse:
    return OutputInUse(
        f"run {owner.run} is writing to OUTPUT {output.name} (process {owner.pid} on "
        f"{owner.host}). Wait for it, or choose another folder"
    )


def _json(owner: Owner) -> bytes:
    return json.dumps(asdict(owner), indent=1).encode()
