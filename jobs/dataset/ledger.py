"""What is written down about a run, in `_semscore/` of the output."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from semscore.jobs.dataset.lease import HOME as LEASES
from semscore.jobs.dataset.lease import Lease
from semscore.jobs.dataset.storage import Entry, Folder
from semscore.jobs.errors import OutputInUse, UserError

HOME = "_semscore"
RUN = f"{HOME}/run.json"
MANIFEST = f"{HOME}/manifest.json"
PROGRESS = f"{HOME}/progress.json"
UNITS = f"{HOME}/units"
STAGING = f"{HOME}/staging"
MODELS = f"{HOME}/model"
SUCCESS = "_SUCCESS"
DATA_FILE = re.compile(r"(.*/)?part-[0-9a-f]{12}-\d+-\d{5,}\.zstd\.parquet")
VERSION = 1  # of the records' format
THREADS = 16  # records that are read at once


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
    fingerprint: str
    sources: list[dict[str, Any]]  # path, size, tag, rows
    files: list[DataFile]
    rows: int
    statuses: dict[str, int]
    started: str  # UTC, ISO 8601
    ended: str
    meters: dict[str, Any]
    workers: dict[str, int]  # "host pid device" -> rows
    hist: dict[str, dict[int, int]]
    v: int = VERSION


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
    what = "a dataset that semscore wrote" if ours else f"other data ({found[0].path})"
    raise UserError(f"OUTPUT {output.local} holds {what}. {ways}")


def require_ours(output: Folder) -> list[Entry]:
    """All files of a dataset that semscore wrote; UserError if there is any other file."""
    found = output.entries()
    others = [entry for entry in found if not entry.path.startswith(f"{HOME}/")]
    if others and not any(entry.path == RUN for entry in found):
        raise UserError(
            f"OUTPUT {output.local} holds data that semscore did not write ({others[0].path}), "
            "and nothing of it is deleted. Choose another OUTPUT"
        )
    for entry in others:
        if not (entry.path == SUCCESS or _is_data(entry)):
            raise UserError(
                f"OUTPUT {output.local} also holds {entry.path}, which semscore did not write; "
                "move it away, or choose another OUTPUT"
            )
    return found


def remove_dataset(output: Folder, lease: Lease, run: str) -> None:
    """Delete a dataset that semscore wrote: first what declares it complete, last its run record.

    So a removal that was broken off can go on, and nobody takes what is left for the whole. The
    lease stays.
    """

    def turn(path: str) -> int:
        if path in (SUCCESS, MANIFEST):
            return 0
        if path.startswith(f"{UNITS}/"):
            return 1  # before its files: a file without a record is a stray, never the reverse
        return 3 if path == RUN else 2

    kept = (f"{LEASES}/", f"{STAGING}/")
    paths = [entry.path for entry in require_ours(output) if not entry.path.startswith(kept)]
    _put_away(output, lease, run, sorted(paths, key=turn))


def read_run(output: Folder) -> dict[str, Any] | None:
    """The record of the run that began the dataset; None: no run has."""
    content = output.read(RUN)
    return None if content is None else dict(json.loads(content))


def read_units(output: Folder) -> list[UnitRecord]:
    """The committed units, by id."""
    paths = [entry.path for entry in output.entries(UNITS) if entry.path.endswith(".json")]
    with ThreadPoolExecutor(THREADS) as pool:
        contents = list(pool.map(output.read, paths))
    return [_record(json.loads(content)) for content in contents if content is not None]


def clear_remains(output: Folder, lease: Lease) -> list[UnitRecord]:
    """Remove what other runs left unfinished, as the holder of the lease: the committed units.

    The order matters. Without its staging folder, from which all copies are made, a run that only
    seemed dead can neither publish nor commit any more. What is published but not committed after
    that is nobody's; and all that is listed before the last look at the lease is of earlier runs.
    """
    for _ in range(2):  # a copy that was begun before its source went is seen now, or is published
        staged = [entry.path for entry in output.entries(STAGING)]
        output.delete(lease.while_held(staged))
    published = data_files(output)
    records = read_units(output)
    known = {file.path for record in records for file in record.files}
    strays = [entry.path for entry in published if entry.path not in known]
    output.delete(lease.while_held(strays))
    return records


def begin(output: Folder, lease: Lease, record: dict[str, Any]) -> None:
    """Write the run's record; OutputInUse if another run has begun here meanwhile."""
    staged = f"{STAGING}/{record['run']}/run.json"
    output.write(staged, _json(record))
    lease.require()
    if not output.copy_if_absent(staged, RUN):
        raise OutputInUse(
            f"another run has begun to write to OUTPUT {output.local}; wait for it, or choose "
            "another folder"
        )


def draft(output: Folder, record: UnitRecord) -> None:
    """Write a unit's record to its staging folder, before it is published."""
    output.write(_draft(record), _json(asdict(record)))


def commit(output: Folder, record: UnitRecord) -> bool:
    """Make a unit's draft its record if there is none yet: the first wins.

    Raises FileNotFoundError if the staging folder is gone, and with it the right to commit.
    """
    return output.copy_if_absent(_draft(record), f"{UNITS}/{record.id}.json")


def reopen(output: Folder, lease: Lease, run: str) -> None:
    """Declare the dataset incomplete: more is to come."""
    declared = [path for path in (SUCCESS, MANIFEST) if output.read(path) is not None]
    _put_away(output, lease, run, declared)


def finish(output: Folder, lease: Lease, manifest: dict[str, Any]) -> None:
    """Declare the dataset complete."""
    home = f"{STAGING}/{manifest['run']}"
    output.write(f"{home}/manifest.json", _json(manifest))
    output.write(f"{home}/_SUCCESS", b"")
    lease.require()
    output.copy(f"{home}/manifest.json", MANIFEST)
    output.copy(f"{home}/_SUCCESS", SUCCESS)
    output.delete_folder(home)


def tell_progress(output: Folder, lease: Lease, facts: dict[str, Any]) -> None:
    """Write progress.json, as the holder of the lease; a failure to do so is not the run's."""
    with suppress(Exception):
        lease.require()
        output.write(PROGRESS, _json(facts))


def data_files(output: Folder) -> list[Entry]:
    """The published files, as listed now."""
    return [entry for entry in output.entries() if _is_data(entry)]


def _put_away(output: Folder, lease: Lease, run: str, paths: Sequence[str]) -> None:
    """Delete files by way of the staging folder: once that is gone, nothing more is deleted."""
    if not paths:
        return
    away = f"{STAGING}/{run}/away"
    output.write(f"{away}/mark", b"")
    lease.require()
    for number, path in enumerate(paths):
        output.move(path, f"{away}/{number}")
    output.delete_folder(away)


def _draft(record: UnitRecord) -> str:
    return f"{STAGING}/{record.run}/{record.id}/record.json"


def _record(told: dict[str, Any]) -> UnitRecord:
    files = [DataFile(**file) for file in told["files"]]
    hist = {name: {int(bin_): n for bin_, n in bins.items()} for name, bins in told["hist"].items()}
    return UnitRecord(**told | {"files": files, "hist": hist})


def _is_data(entry: Entry) -> bool:
    return DATA_FILE.fullmatch(entry.path) is not None


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode()
