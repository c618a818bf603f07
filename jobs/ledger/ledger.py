"""The records of a dataset, in `_semscore/` of the output.

    run.json              how the dataset was started
    units/<id>-<n>.json   a committed unit; n: the number of the lease that its run held
    seals/<k>.json        which units counted when a run took over, as far as that run saw
    packs/                copies of records, many in a file (packs.py)

The last seal decides which of these units count (seals.py). Except for run.json, the manifest and
_SUCCESS, each name belongs to one run, so no run can overwrite or delete what another has written.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import filterfalse
from typing import Any

from semscore.jobs.ledger.committed import (
    READABLE,
    UNITS,
    Committed,
    CommittedUnit,
    UnitRecord,
    read_records,
)
from semscore.jobs.ledger.lease import HOME as LEASES
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.packs import Packs
from semscore.jobs.ledger.seals import HOME as SEALS
from semscore.jobs.ledger.seals import Seal, is_counted, last_seal, seal_path, seals
from semscore.udfs.errors import OutputInUse, UserError
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.names import printable

HOME = "_semscore"
RUN = f"{HOME}/run.json"
MANIFEST = f"{HOME}/manifest.json"
PROGRESS = f"{HOME}/progress.json"
REPORT = f"{HOME}/report.json"
PAGE = f"{HOME}/report.html"
STAGING = f"{HOME}/staging"
MODELS = f"{HOME}/model"
SUCCESS = "_SUCCESS"
LOG = "_delta_log/"  # of a dataset that is also a Delta table
DATA_FILE = re.compile(r"(.*/)?part-[0-9a-f]{12}-\d+-\d{5,}\.zstd\.parquet")

log = logging.getLogger("semscore")


def require_empty(output: Folder) -> None:
    """Raise UserError, with the possible fixes, if the output folder contains anything.

    What is left of a run that was killed before it started the dataset does not count.
    """
    others = [path for path in output.paths() if not path.startswith(f"{HOME}/")]
    ours = output.read(RUN) is not None
    if not others and not ours:
        return
    ways = "Choose another OUTPUT"
    if ours:
        ways += ", resume the dataset with --mode resume, or replace it with --mode overwrite --yes"
    what = "a dataset that semscore wrote" if ours else f"other data ({printable(others[0])})"
    raise UserError(f"OUTPUT {output.name} already contains {what}. {ways}")


def require_ours(output: Folder) -> list[str]:
    """Return all files of a dataset that semscore wrote. Raises UserError for any other file."""
    paths = output.paths()
    others = [path for path in paths if not path.startswith(f"{HOME}/")]
    if others and RUN not in paths:
        raise UserError(
            f"OUTPUT {output.name} contains data that semscore did not write "
            f"({printable(others[0])}), so nothing is deleted. Choose another OUTPUT"
        )
    log = LOG if has_log(output) else None
    for path in others:
        if not (path == SUCCESS or DATA_FILE.fullmatch(path) or (log and path.startswith(log))):
            raise UserError(
                f"OUTPUT {output.name} also contains {printable(path)}, which semscore did "
                "not write. Move it away, or choose another OUTPUT"
            )
    return paths


def read_run(output: Folder) -> dict[str, Any] | None:
    """Return the record of the run that started the dataset, or None if no run has.

    Raises UserError if the record has the format of another version.
    """
    content = output.read(RUN)
    if content is None:
        return None
    record: dict[str, Any] = json.loads(content)
    if record.get("v") not in READABLE:
        by = record.get("versions", {}).get("semscore", "unknown")
        raise UserError(
            f"OUTPUT {output.name} was started by semscore {by}, which writes records of version "
            f"{record.get('v')}. This semscore reads versions {READABLE[0]} to {READABLE[-1]}. "
            "Use the semscore that started the dataset, or choose another OUTPUT"
        )
    return record


def has_log(output: Folder) -> bool:
    """Return whether the record of a dataset says that it is also a Delta table.

    A record of another version, or one that cannot be read, does not.
    """
    try:
        record = json.loads(output.read(RUN) or b"{}")
        return bool(record["options"]["target"]["output_format"] == "delta")
    except (KeyError, OSError, ValueError):
        return False


def recorded_where(output: Folder) -> str | None:
    """Return the condition with which the dataset was started.

    None means all rows, or a record of an older version.
    """
    where: str | None = (read_run(output) or {}).get("where")
    return where


def recorded_limit(output: Folder) -> int | None:
    """Return the --limit with which the dataset was started."""
    limit: int | None = (read_run(output) or {}).get("options", {}).get("rows", {}).get("limit")
    return limit


def read_units(output: Folder) -> Committed:
    """Return the committed units, sorted by id."""
    return _read_units(output, last_seal(output))


def take_over(
    output: Folder,
    lease: Lease,
    superseded: Callable[[CommittedUnit], bool] = lambda _: False,
    known: Committed | None = None,
    replaces: bool = False,
) -> Committed:
    """Decide, as the holder of the lease, which units count, and return them.

    These are the units that count so far, except those that are `superseded`. If there are any,
    the dataset is marked as incomplete first. Their files stay until `clear_remains`. `known`: the
    units that counted a moment ago, which are not read again if nothing has changed. If the run
    `replaces` the dataset, no unit counts, and none is read, whatever its format.

    The staging folders are deleted first. All copies are made from them, so a run that only seemed
    dead can no longer publish units or mark the dataset as complete. What it commits from here on
    does not count. Raises OutputInUse if another run takes over meanwhile.
    """
    # The second pass sees what a copy wrote that began before its source was deleted.
    for _ in range(2):
        for run in output.folders(STAGING):
            lease.require()
            output.delete_folder(f"{STAGING}/{run}")
    output.end_uploads(STAGING)
    while True:
        last = last_seal(output)
        units = Committed() if replaces else _read_units(output, last, known)
        if replaces:
            reopen(output, lease)
        elif any(map(superseded, units)):
            reopen(output, lease)
            kept = filterfalse(superseded, read_records(output, units.entries))
            units = Committed(kept)
        seal = {"lease": lease.number, "units": [unit.path for unit in units]}
        lease.require()
        path = seal_path(last.number + 1)
        if output.create_if_absent(path, _json(seal)):
            break
    if seals(output)[-1] != path:  # it was the last seal once, and others have followed
        raise OutputInUse(f"another run has taken over OUTPUT {output.name}")
    lease.seal = path
    return units


def clear_remains(output: Folder, lease: Lease, units: Sequence[CommittedUnit]) -> None:
    """Delete, as the holder of the lease, what other runs left unfinished beside these units."""
    counted = {unit.path for unit in units}
    known = counted | {file.path for unit in units for file in unit.files}
    paths = output.paths()
    uncounted = [path for path in paths if path.startswith(f"{UNITS}/") and path not in counted]
    strays = [path for path in paths if path not in known and DATA_FILE.fullmatch(path)]
    old = seals(output)[:-1]
    staged = [run for run in output.folders(STAGING) if run != lease.run]
    # Records are deleted before their files: a record without files is worse than the reverse.
    output.delete(lease.while_held([*uncounted, *strays, *old]))
    for run in lease.while_held(staged):  # tasks may outlive their driver for a while
        output.delete_folder(f"{STAGING}/{run}")


def begin(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write the run's record. Raises OutputInUse if another run has started here meanwhile."""
    lease.require()
    if not output.create_if_absent(RUN, _json(record)):
        raise OutputInUse(
            f"another run has started writing to OUTPUT {output.name}. Wait for it, or choose "
            "another folder"
        )


def replace_run(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write the run's record in place of that of a dataset whose units no longer count.

    Everything else of the old dataset except its units, such as an int8 calibration, is deleted.
    """
    write_run(output, lease, record)
    kept = [RUN, *(f"{folder}/" for folder in (LEASES, SEALS, STAGING, UNITS))]
    if record["int8_sha256"]:
        kept.append(f"{MODELS}/{record['int8_sha256']}/")
    listed = (entry.path for entry in output.entries(HOME))
    paths = [path for path in listed if not path.startswith(tuple(kept))]
    put_away(output, lease, record["run"], paths)


def write_run(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write a run's record in place of the one that is there."""
    staged = f"{STAGING}/{lease.run}/run.json"
    output.write(staged, _json(record))
    lease.require()
    output.copy(staged, RUN)


def commit(
    output: Folder,
    record: UnitRecord,
    seal_of_run: str | None = None,
    packs: Packs | None = None,
) -> None:
    """Write a unit's record, in place of that of an attempt whose outcome is unknown.

    `seal_of_run`: path of the seal that the run wrote. While it is the last, it is not read again:
    it names all earlier units. `packs` get a copy. Raises OutputInUse, and leaves no record, if the
    record does not count.
    """
    content = _json(asdict(record))
    output.write(record.path, content)
    if not is_counted(output, record.path, record.lease, seal_of_run):
        output.delete([record.path])
        raise OutputInUse(f"another run has taken over OUTPUT {output.name}")
    if packs:
        packs.add(content)


def reopen(output: Folder, lease: Lease) -> None:
    """Mark the dataset as incomplete, and delete its report, which would be out of date."""
    put_away(output, lease, lease.run, (SUCCESS, MANIFEST, PAGE, REPORT))


def finish(output: Folder, lease: Lease, manifest: dict[str, Any]) -> None:
    """Mark the dataset as complete."""
    home = f"{STAGING}/{manifest['run']}"
    output.write(f"{home}/manifest.json", _json(manifest))
    output.write(f"{home}/_SUCCESS", f"{manifest['run']}\n".encode())
    lease.require()
    output.copy(f"{home}/manifest.json", MANIFEST)
    output.copy(f"{home}/_SUCCESS", SUCCESS)
    with suppress(OSError):
        output.delete_folder(home)


def tell_progress(output: Folder, lease: Lease, facts: dict[str, Any]) -> None:
    """Write progress.json, as the holder of the lease. A failure to do so is ignored."""
    with suppress(Exception):
        lease.require()
        output.write(PROGRESS, _json(facts))


def data_files(output: Folder) -> list[Entry]:
    """Return the published files, as listed now."""
    return [entry for entry in output.entries() if DATA_FILE.fullmatch(entry.path)]


def put_away(output: Folder, lease: Lease, run: str, paths: Sequence[str]) -> None:
    """Delete the files that exist at some paths, which other runs may write as well."""
    entries = []
    for path in paths:
        with suppress(FileNotFoundError):
            entries.append(output.entry(path))
    if not entries:
        return
    home = f"{STAGING}/{run}/away"
    output.write(f"{home}/mark", b"")
    lease.require()
    for entry in entries:
        output.withdraw(entry, home)
    output.delete_folder(home)


def _read_units(output: Folder, seal: Seal, known: Committed | None = None) -> Committed:
    """Return the units that count according to a seal: `known`, if these are still the same."""
    entries = [entry for entry in output.entries(UNITS) if seal.counts(entry.path)]
    if known is not None and known.entries == entries:
        return known
    return Committed(read_records(output, entries), entries)


def _json(record: dict[str, Any]) -> bytes:
    # Without `indent`, with which Python's own encoder would take minutes for a long manifest.
    return json.dumps(record, ensure_ascii=False).encode()
