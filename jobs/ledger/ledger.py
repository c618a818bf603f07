"""What is written down about a run, in `_semscore/` of the output.

    run.json              how the dataset was begun
    units/<id>-<n>.json   a committed unit; n: the number of the lease that its run held
    seals/<k>.json        which units counted when a run took over, as far as it saw

Which of these units count, the last seal says (seals.py). All names but run.json's, the manifest's
and _SUCCESS's are of one run, so none can overwrite, or delete, what another has put there.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from semscore.jobs.ledger.lease import HOME as LEASES
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.seals import HOME as SEALS
from semscore.jobs.ledger.seals import Seal, last_seal, seal_path, seals
from semscore.udfs.errors import OutputInUse, UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import printable

HOME = "_semscore"
RUN = f"{HOME}/run.json"
MANIFEST = f"{HOME}/manifest.json"
PROGRESS = f"{HOME}/progress.json"
REPORT = f"{HOME}/report.json"
PAGE = f"{HOME}/report.html"
UNITS = f"{HOME}/units"
STAGING = f"{HOME}/staging"
MODELS = f"{HOME}/model"
SUCCESS = "_SUCCESS"
DATA_FILE = re.compile(r"(.*/)?part-[0-9a-f]{12}-\d+-\d{5,}\.zstd\.parquet")
VERSION = 3  # of the records' format
THREADS = 16  # records that are read at once

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class DataFile:
    """A published file."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class UnitRecord:
    """A committed unit: its files are published, each row once."""

    id: str
    run: str
    lease: int  # its number
    fingerprint: str
    sources: list[dict[str, Any]]  # path, size, tag, rows
    files: list[DataFile]
    rows: int
    statuses: dict[str, int]
    started: str  # UTC, ISO 8601
    ended: str
    meters: dict[str, Any]
    workers: dict[str, dict[str, float]]  # "host pid device backend" -> its own meters
    hist: dict[str, dict[int, int]]
    hardware: dict[str, int] = field(default_factory=dict)  # models of GPU or CPU -> rows
    slots: int = 0  # tasks that could run at once
    v: int = VERSION

    @property
    def path(self) -> str:
        """Where it is written; no other run has the same place."""
        return f"{UNITS}/{self.id}-{self.lease}.json"


def require_empty(output: Folder) -> None:
    """Raise UserError, with the ways out, if anything is in the output folder.

    What a run leaves that was killed before it had begun is nothing.
    """
    found = [entry for entry in output.entries() if not entry.path.startswith(f"{HOME}/")]
    ours = output.read(RUN) is not None
    if not found and not ours:
        return
    ways = "Choose another OUTPUT"
    if ours:
        ways += ", go on with --mode resume, or replace the dataset with --mode overwrite --yes"
    what = "a dataset that semscore wrote" if ours else f"other data ({printable(found[0].path)})"
    raise UserError(f"OUTPUT {output.name} holds {what}. {ways}")


def require_ours(output: Folder) -> list[Entry]:
    """All files of a dataset that semscore wrote; UserError if there is any other file."""
    found = output.entries()
    others = [entry for entry in found if not entry.path.startswith(f"{HOME}/")]
    if others and not any(entry.path == RUN for entry in found):
        raise UserError(
            f"OUTPUT {output.name} holds data that semscore did not write "
            f"({printable(others[0].path)}), "
            "and nothing of it is deleted. Choose another OUTPUT"
        )
    for entry in others:
        if not (entry.path == SUCCESS or _is_data(entry)):
            raise UserError(
                f"OUTPUT {output.name} also holds {printable(entry.path)}, which semscore did not "
                "write; move it away, or choose another OUTPUT"
            )
    return found


def read_run(output: Folder) -> dict[str, Any] | None:
    """The record of the run that began the dataset; None: no run has.

    Raises UserError if its form is another version's.
    """
    content = output.read(RUN)
    if content is None:
        return None
    record: dict[str, Any] = json.loads(content)
    if record.get("v") != VERSION:
        by = record.get("versions", {}).get("semscore", "unknown")
        raise UserError(
            f"OUTPUT {output.name} was begun by semscore {by}, whose records are of version "
            f"{record.get('v')}, and this semscore reads version {VERSION}. Use that semscore, or "
            "choose another OUTPUT"
        )
    return record


def recorded_where(output: Folder) -> str | None:
    """The condition by which the dataset was begun; None: all rows, or an older record."""
    where: str | None = (read_run(output) or {}).get("where")
    return where


def read_units(output: Folder) -> list[UnitRecord]:
    """The committed units, by id."""
    return _read_units(output, last_seal(output))


def statuses(records: Sequence[UnitRecord]) -> Counter[str]:
    """Status -> rows of some units."""
    return sum((Counter(record.statuses) for record in records), Counter[str]())


def histogram(records: Sequence[UnitRecord], name: str) -> Counter[int]:
    """`score` or `tokens` of some units: bin -> pairs, or distinct texts."""
    return sum((Counter(record.hist[name]) for record in records), Counter[int]())


def take_over(output: Folder, lease: Lease, afresh: bool = False) -> list[UnitRecord]:
    """Settle, as the holder of the lease, which units count: none, or those that do by now.

    First the staging folders go, from which all copies are made: a run that only seemed dead can
    publish and declare nothing any more. What it commits does not count from here on. Raises
    OutputInUse if another run takes over meanwhile.
    """
    for _ in range(2):  # a copy that was begun before its source went is seen now, or is published
        for run in output.folders(STAGING):
            lease.require()
            output.delete_folder(f"{STAGING}/{run}")
    output.end_uploads(STAGING)
    while True:
        last = last_seal(output)
        records = [] if afresh else _read_units(output, last)
        seal = {"lease": lease.number, "units": [record.path for record in records]}
        lease.require()
        path = seal_path(last.number + 1)
        if output.create_if_absent(path, _json(seal)):
            break
    if seals(output)[-1] != path:  # it was there once, and later ones have come since
        raise OutputInUse(f"another run has taken over OUTPUT {output.name}")
    return records


def clear_remains(output: Folder, lease: Lease, records: Sequence[UnitRecord]) -> None:
    """Remove, as the holder of the lease, what other runs left unfinished beside these units."""
    counted = {record.path for record in records}
    known = counted | {file.path for record in records for file in record.files}
    void = [entry.path for entry in output.entries(UNITS) if entry.path not in counted]
    strays = [entry.path for entry in data_files(output) if entry.path not in known]
    old = seals(output)[:-1]
    staged = [run for run in output.folders(STAGING) if run != lease.run]
    # Records before their files: a record without files would be worse than the reverse.
    output.delete(lease.while_held([*void, *strays, *old]))
    for run in lease.while_held(staged):  # tasks may outlive their driver for a while
        output.delete_folder(f"{STAGING}/{run}")


def begin(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write the run's record; OutputInUse if another run has begun here meanwhile."""
    lease.require()
    if not output.create_if_absent(RUN, _json(record)):
        raise OutputInUse(
            f"another run has begun to write to OUTPUT {output.name}; wait for it, or choose "
            "another folder"
        )


def replace_run(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write the run's record in place of that of a dataset whose units do not count any more.

    What that had beside its units, such as a calibration, is removed.
    """
    staged = f"{STAGING}/{record['run']}/run.json"
    output.write(staged, _json(record))
    lease.require()
    output.copy(staged, RUN)
    kept = [RUN, *(f"{folder}/" for folder in (LEASES, SEALS, STAGING, UNITS))]
    if record["int8_sha256"]:
        kept.append(f"{MODELS}/{record['int8_sha256']}/")
    listed = (entry.path for entry in output.entries(HOME))
    paths = [path for path in listed if not path.startswith(tuple(kept))]
    put_away(output, lease, record["run"], paths)


def commit(output: Folder, record: UnitRecord) -> None:
    """Write a unit's record, in place of one of an attempt whose end was not told.

    Raises OutputInUse, and leaves no record, if it counts for nothing.
    """
    output.write(record.path, _json(asdict(record)))
    try:
        seal = last_seal(output)
    except OSError:  # it stands; that it counts for nothing, if so, will be found out
        log.debug("seal not read", exc_info=True)
        return
    if seal.lease > record.lease and not seal.counts(record.path):
        output.delete([record.path])
        raise OutputInUse(f"another run has taken over OUTPUT {output.name}")


def reopen(output: Folder, lease: Lease, run: str) -> None:
    """Declare the dataset incomplete: more is to come, and its report is not true any more."""
    put_away(output, lease, run, (SUCCESS, MANIFEST, PAGE, REPORT))


def finish(output: Folder, lease: Lease, manifest: dict[str, Any]) -> None:
    """Declare the dataset complete."""
    home = f"{STAGING}/{manifest['run']}"
    output.write(f"{home}/manifest.json", _json(manifest))
    output.write(f"{home}/_SUCCESS", f"{manifest['run']}\n".encode())
    lease.require()
    output.copy(f"{home}/manifest.json", MANIFEST)
    output.copy(f"{home}/_SUCCESS", SUCCESS)
    with suppress(OSError):
        output.delete_folder(home)


def tell_progress(output: Folder, lease: Lease, facts: dict[str, Any]) -> None:
    """Write progress.json, as the holder of the lease; a failure to do so is not the run's."""
    with suppress(Exception):
        lease.require()
        output.write(PROGRESS, _json(facts))


def data_files(output: Folder) -> list[Entry]:
    """The published files, as listed now."""
    return [entry for entry in output.entries() if _is_data(entry)]


def put_away(output: Folder, lease: Lease, run: str, paths: Sequence[str]) -> None:
    """Delete files whose names are not this run's alone, if they are there."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(output.entry(path))
    if not found:
        return
    home = f"{STAGING}/{run}/away"
    output.write(f"{home}/mark", b"")
    lease.require()
    for entry in found:
        output.withdraw(entry, home)
    output.delete_folder(home)


def _read_units(output: Folder, seal: Seal) -> list[UnitRecord]:
    paths = [entry.path for entry in output.entries(UNITS) if seal.counts(entry.path)]
    with ThreadPoolExecutor(THREADS) as pool:
        contents = list(pool.map(output.read, paths))
    return [_record(json.loads(content)) for content in contents if content is not None]


def _record(told: dict[str, Any]) -> UnitRecord:
    files = [DataFile(**file) for file in told["files"]]
    hist = {name: {int(bin_): n for bin_, n in bins.items()} for name, bins in told["hist"].items()}
    return UnitRecord(**told | {"files": files, "hist": hist})


def _is_data(entry: Entry) -> bool:
    return DATA_FILE.fullmatch(entry.path) is not None


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode()
