"""Leases: which process of this host uses which GPU, where no scheduler assigns GPUs.

On YARN without isolation, and on local masters, every process sees all GPUs of its host. Processes
that use the same folder share the GPUs. For each GPU, one file lists the processes that hold it,
and another file sets it aside. Leases are never released explicitly. A lease lapses when its
process dies.

Processes are identified by pid, so containers that do not see each other's processes must not share
a folder: running processes would look dead. On Kubernetes each pod sees only its own GPUs and needs
no leases. Each user has a separate folder and does not see the leases of other users. YARN without
isolation runs all containers of a host as one user.

Uses only the standard library and Python 3.9, because the discovery script loads this file by its
path.
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
    """There are not enough GPUs, or leases cannot be kept. The message says what to do."""


class Holder(NamedTuple):
    """A process, identified so that another process with the same pid is not mistaken for it."""

    pid: int
    started: str  # in the format of the operating system, see started()
    boot: str
    since: str  # local time at which the lease began


class Aside(NamedTuple):
    """The reason why a GPU is set aside."""

    pid: int  # of the process that set it aside
    boot: str
    since: str  # local time
    reason: str


def lease(addresses: Sequence[str], count: int, owner_pid: int) -> list[str]:
    """Lease `count` GPUs that no other process holds to a process. Returns their addresses.

    Returns the same GPUs if the process calls this again. Raises LeaseError if too few are free.
    """
    with _locked():
        holders = _usable(addresses)
        free = [
            address
            for address, held in holders.items()
            if {holder.pid for holder in held} <= {owner_pid}
        ]
        if len(free) < count:
            raise LeaseError(_too_few(addresses, count, holders, free))
        chosen = sorted(free, key=lambda address: not holders[address])[:count]  # its own first
        for address in chosen:
            if not holders[address]:
                _write(address, HOLDERS, [_holder(owner_pid)._asdict()])
        return chosen


def share(addresses: Sequence[str], owner_pid: int) -> str:
    """Lease to a process the first GPU among those with the fewest holders. Returns its address.

    Returns the same GPU if the process calls this again, unless the GPU has been set aside. Raises
    LeaseError if all are set aside.
    """
    with _locked():
        holders = _usable(addresses)
        for address, held in holders.items():
            if owner_pid in (holder.pid for holder in held):
                return address
        if not holders:
            raise LeaseError(_too_few(addresses, 1, holders, []))
        chosen = min(holders, key=lambda address: len(holders[address]))
        everyone = [*holders[chosen], _holder(owner_pid)]
        _write(chosen, HOLDERS, [holder._asdict() for holder in everyone])
        return chosen


def account(addresses: Sequence[str]) -> dict[str, list[Holder]]:
    """Return the GPUs that are not set aside, and the running processes that hold each.

    Raises LeaseError if leases cannot be kept.
    """
    with _locked():
        return _usable(addresses)


def quarantine(address: str, reason: str) -> None:
    """Set a GPU aside: no process on this host gets it until the host restarts.

    It is also used again once its quarantine_file is removed, after a repair. There is no timeout,
    because each executor that tries a bad GPU costs a task. If the GPU is set aside already, the
    first reason stays.
    """
    with _locked():
        if quarantined(address) is None:
            _write(address, ASIDE, Aside(os.getpid(), boot_id(), _now(), reason)._asdict())


def quarantined(address: str) -> str | None:
    """Return since when, by which process and why a GPU is set aside, or None if it is not.

    Raises LeaseError if its quarantine_file cannot be read.
    """
    aside = _read(address, ASIDE, lambda content: Aside(**content))
    if aside is None or aside.boot != boot_id():
        return None  # a reboot fixes most faults; otherwise the GPU is set aside again
    return f"since {aside.since} by process {aside.pid}: {aside.reason}"


def quarantine_file(address: str) -> Path:
    """Return the file that sets a GPU aside. If it is removed, the GPU is used again."""
    return _file(address, ASIDE)


def folder() -> Path:
    """Return the folder of the leases: $SEMSCORE_LEASE_DIR, or a folder of this user in /tmp.

    It is neither in $TMPDIR nor in the working directory, because YARN gives each container its
    own, and all executors of a host must use the same folder. Set $SEMSCORE_LEASE_DIR if something
    removes old files from /tmp while executors run for weeks.
    """
    place = os.environ.get("SEMSCORE_LEASE_DIR")
    return Path(place) if place else HOST_TMP / f"semscore-leases-{os.getuid()}"


def _usable(addresses: Sequence[str]) -> dict[str, list[Holder]]:
    """Return the GPUs that are not set aside, in order, and their holders."""
    return {address: _holders(address) for address in addresses if quarantined(address) is None}


def _holders(address: str) -> list[Holder]:
    """Return the running processes that hold a GPU."""
    held = _read(address, HOLDERS, lambda content: [Holder(**entry) for entry in content]) or []
    return [
        holder
        for holder in held
        if (holder.started, holder.boot) == (started(holder.pid), boot_id())
    ]


def _holder(pid: int) -> Holder:
    began = started(pid)
    if began is None:
        raise LeaseError(f"process {pid} is not running, so it cannot hold a GPU")
    return Holder(pid, began, boot_id(), _now())


def _too_few(
    addresses: Sequence[str], count: int, holders: dict[str, list[Holder]], free: Sequence[str]
) -> str:
    states = []
    for address in addresses:
        if address not in holders:
            aside, file = quarantined(address), quarantine_file(address)
            states.append(f"{address} has been set aside {aside} (to use it again, remove {file})")
        elif address not in free:
            processes = ", ".join(f"{who.pid} since {who.since}" for who in holders[address])
            states.append(f"{address} is held by process {processes}")
    available = f"only {', '.join(free)}" if free else "none"
    return (
        f"{count} GPU{'s' if count > 1 else ''} requested, but of {', '.join(addresses)} "
        f"{available} can be used{': ' if states else ''}{'; '.join(states)}. Start fewer "
        "executors on this host, request fewer GPUs, end the processes that hold them, or repair "
        "those that are set aside"
    )


@contextmanager
def _locked() -> Iterator[None]:
    """Let in one process at a time. The lock ends with the process, even if that is killed."""
    place = folder()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        chosen = os.environ.get("SEMSCORE_LEASE_DIR")
        if not chosen and place.lstat().st_uid != os.getuid():  # any user can create it in /tmp
            raise PermissionError(0, "it belongs to another user")
        with (place / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise _no_account(error) from error


def _read(address: str, kind: str, parse: Callable[[Any], T]) -> T | None:
    """Return the content of a file, or None if it does not exist.

    Raises LeaseError for an invalid file. _write leaves only complete files, so something else has
    damaged it. If the GPU were taken for free, two models might share it, so no process gets it
    until a person has checked.
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
            f"{file} is damaged, so it is unknown which processes use GPU {address}; remove the "
            "file if none does (nvidia-smi lists them)"
        ) from error


def _write(address: str, kind: str, what: object) -> None:
    """Replace a file in one step. If the process is killed, the old or the new file remains."""
    draft = folder() / "draft"  # one is enough, because only the holder of the lock writes
    with draft.open("w", encoding="utf-8") as file:
        json.dump(what, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_file(address, kind))


def _no_account(error: OSError) -> LeaseError:
    return LeaseError(
        f"GPU leases cannot be kept in {folder()} ({error.strerror}); set SEMSCORE_LEASE_DIR to a "
        "folder on this host that all executors can write to"
    )


def _file(address: str, kind: str) -> Path:
    return folder() / f"{quote(address, safe='')}.{kind}.json"


def started(pid: int) -> str | None:
    """Return when a process started, in the system's format, or None if it is not running."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the process name before may have any characters
        state, began = fields[0], fields[19]  # fields 3 and 22: ticks since boot
    else:
        line = _output("ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid))
        state, _, began = line.partition(" ")
    # A zombie no longer holds a GPU. It remains until its parent waits for it.
    return None if state[:1] in ("", "Z", "X") else began.strip()


def boot_id() -> str:
    """Return an identifier of this boot of the system."""
    if sys.platform == "linux":
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return _output("sysctl", "-n", "kern.bootsessionuuid")


def _output(*command: str) -> str:
    """Return the output of a command in a fixed language and time zone, on which dates depend."""
    plain = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(
        command, env=plain, capture_output=True, text=True, check=False
    ).stdout.strip()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S%z")
