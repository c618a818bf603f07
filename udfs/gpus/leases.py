"""Which process of this host uses which GPU, where nobody else keeps account of it.

On YARN without isolation, and on local masters, every process sees all GPUs of its host. Processes
that agree on a folder share them out: for each GPU, one file lists the processes that hold it, and
another sets it aside. Nothing is given back: a holder that is dead counts no more.

Processes are known by pid, so containers that do not see each other's processes must not share a
folder: the living would look dead. On Kubernetes each pod sees only its own GPUs and needs no
leases. A user has a folder of his own, and does not see what another user's processes hold; YARN
without isolation runs all containers of a host as one user.

Standard library only, and Python 3.9: the discovery script loads this file by its path.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

HOLDERS, ASIDE = "lease", "quarantine"
HOST_TMP = Path("/tmp")

T = TypeVar("T")


class LeaseError(RuntimeError):
    """There are not enough GPUs, or no account can be kept; the message says what to do."""


class Holder(NamedTuple):
    """A process, told from any other that has had its pid, or will."""

    pid: int
    started: str  # in the system's own form, see started()
    boot: str
    since: str  # local time, of the lease


class Aside(NamedTuple):
    """Why a GPU is given to nobody."""

    pid: int  # of the process that found it bad
    boot: str
    since: str  # local time
    reason: str


def lease(addresses: Sequence[str], count: int, owner_pid: int) -> list[str]:
    """Give a process GPUs of its own: `count` different addresses that no other process holds.

    Asked again, it gives the same process the same ones. Raises LeaseError if too few are left.
    """
    with _locked():
        holders = _usable(addresses)
        free = [one for one, held in holders.items() if {who.pid for who in held} <= {owner_pid}]
        if len(free) < count:
            raise LeaseError(_too_few(addresses, count, holders, free))
        chosen = sorted(free, key=lambda one: not holders[one])[:count]  # what it has comes first
        for address in chosen:
            if not holders[address]:
                _write(address, HOLDERS, [_holder(owner_pid)._asdict()])
        return chosen


def share(addresses: Sequence[str], owner_pid: int) -> str:
    """Give a process one GPU, that which the fewest hold: the first of them.

    Asked again, it gives the same process the same one, unless that is set aside by now. Raises
    LeaseError if all are set aside.
    """
    with _locked():
        holders = _usable(addresses)
        for address, held in holders.items():
            if owner_pid in (who.pid for who in held):
                return address
        if not holders:
            raise LeaseError(_too_few(addresses, 1, holders, []))
        chosen = min(holders, key=lambda address: len(holders[address]))
        everyone = [*holders[chosen], _holder(owner_pid)]
        _write(chosen, HOLDERS, [who._asdict() for who in everyone])
        return chosen


def account(addresses: Sequence[str]) -> dict[str, list[Holder]]:
    """The GPUs that are not set aside, and the living processes that hold each.

    Raises LeaseError if no account can be kept.
    """
    with _locked():
        return _usable(addresses)


def quarantine(address: str, reason: str) -> None:
    """Set a GPU aside: nobody on this host gets it until the host starts anew.

    Or until somebody has repaired it and removes its quarantine_file. Time alone heals no GPU, and
    each executor that tries a bad one costs a task. The first reason stays.
    """
    with _locked():
        if quarantined(address) is None:
            _write(address, ASIDE, Aside(os.getpid(), boot_id(), _now(), reason)._asdict())


def quarantined(address: str) -> str | None:
    """Since when, by whom and why a GPU is set aside; None: it is not.

    Raises LeaseError if the file that says so cannot be read.
    """
    aside = _read(address, ASIDE, lambda told: Aside(**told))
    if aside is None or aside.boot != boot_id():
        return None  # most faults are gone after a reboot; if not, it is set aside again
    return f"since {aside.since} by process {aside.pid}: {aside.reason}"


def quarantine_file(address: str) -> Path:
    """The file that sets a GPU aside; without it, the GPU is used again."""
    return _file(address, ASIDE)


def folder() -> Path:
    """Where leases are kept: $SEMSCORE_LEASE_DIR, or a folder of this user's in /tmp.

    Not in $TMPDIR, nor in the working directory: YARN gives each container its own of both, and
    all executors of a host must meet in one place. Where something clears /tmp of old files while
    executors live for weeks, it must be another.
    """
    place = os.environ.get("SEMSCORE_LEASE_DIR")
    return Path(place) if place else HOST_TMP / f"semscore-leases-{os.getuid()}"


def _usable(addresses: Sequence[str]) -> dict[str, list[Holder]]:
    """The GPUs that are not set aside, in order, and who holds them."""
    return {one: _holders(one) for one in addresses if quarantined(one) is None}


def _holders(address: str) -> list[Holder]:
    """The living processes that hold a GPU."""
    held = _read(address, HOLDERS, lambda told: [Holder(**each) for each in told]) or []
    return [who for who in held if (who.started, who.boot) == (started(who.pid), boot_id())]


def _holder(pid: int) -> Holder:
    began = started(pid)
    if began is None:
        raise LeaseError(f"process {pid} does not run, so it cannot hold a GPU")
    return Holder(pid, began, boot_id(), _now())


def _too_few(
    addresses: Sequence[str], count: int, holders: dict[str, list[Holder]], free: Sequence[str]
) -> str:
    states = []
    for address in addresses:
        if address not in holders:
            aside, file = quarantined(address), quarantine_file(address)
            states.append(f"{address} is set aside {aside} (remove {file})")
        elif address not in free:
            who = ", ".join(f"{each.pid} since {each.since}" for each in holders[address])
            states.append(f"{address} by process {who}")
    left = f"only {', '.join(free)} can be had" if free else "all are taken"
    return (
        f"asked for {count} GPU{'s' if count > 1 else ''}, but of {', '.join(addresses)} {left}"
        f"{': ' if states else ''}{'; '.join(states)}. Start fewer executors on this host, ask for "
        "fewer GPUs, end the processes that hold them, or repair what is set aside"
    )


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time; the lock goes with the process, however that ends."""
    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        chosen = os.environ.get("SEMSCORE_LEASE_DIR")
        if not chosen and place.lstat().st_uid != os.getuid():  # anybody can make one in /tmp
            raise PermissionError(0, "it belongs to another user")
        with (place / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise _no_account(error) from error


def _read(address: str, kind: str, parse: Callable[[Any], T]) -> T | None:
    """What a file says; None: there is none. Raises LeaseError for what is not ours.

    _write leaves only whole files, so somebody else spoiled it. To take a GPU for free that may be
    held would put two models on it: better that nobody gets one until somebody has looked.
    """
    file = _file(address, kind)
    try:
        return parse(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _no_account(error) from error
    except (ValueError, TypeError) as error:
        raise LeaseError(
            f"{file} is spoiled, so nobody knows who uses GPU {address}; remove it if no process "
            "does (nvidia-smi lists them)"
        ) from error


def _write(address: str, kind: str, what: object) -> None:
    """Replace a file as a whole: killed at any moment, this leaves the old one or the new one."""
    draft = folder() / "draft"  # one is enough, only the holder of the lock writes
    with draft.open("w", encoding="utf-8") as file:
        json.dump(what, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_file(address, kind))


def _no_account(error: OSError) -> LeaseError:
    return LeaseError(
        f"leases of GPUs cannot be kept in {folder()} ({error.strerror}); set SEMSCORE_LEASE_DIR "
        "to a folder of this host that all executors can write to"
    )


def _file(address: str, kind: str) -> Path:
    return folder() / f"{quote(address, safe='')}.{kind}.json"


def started(pid: int) -> str | None:
    """When a process began, as the system counts it; None: it does not run."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before may hold anything
        state, began = fields[0], fields[19]  # fields 3 and 22: ticks since boot
    else:
        told = _output("ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid))
        state, _, began = told.partition(" ")
    # A zombie holds no GPU any more, and stays as long as its parent does not ask for it.
    return None if state[:1] in ("", "Z", "X") else began.strip()


def boot_id() -> str:
    """What tells this start of the system from any other."""
    if sys.platform == "linux":
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return _output("sysctl", "-n", "kern.bootsessionuuid")


def _output(*command: str) -> str:
    """What a command says, the same whoever asks: dates depend on language and time zone."""
    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(
        command, env=plain, capture_output=True, text=True, check=False
    ).stdout.strip()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S%z")
