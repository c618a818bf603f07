"""What is written down about a run, in `_semscore/` of the output."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from semscore.jobs.dataset.storage import Entry, Folder
from semscore.jobs.errors import OutputInUse, UserError

HOME = "_semscore"
RUN = f"{HOME}/run.json"
MANIFEST = f"{HOME}/manifest.json"
UNITS = f"{HOME}/units"
STAGING = f"{HOME}/staging"
SUCCESS = "_SUCCESS"
DATA_FILE = re.compile(r"(.*/)?part-[0-9a-f]{12}-\d{5,}\.zstd\.parquet")
VERSION = 1  # of the records' format


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
    """Raise UserError, with the ways out, if anything is in the output folder."""
    found = output.entries()
    if not found:
        return
    ours = any(entry.path == RUN for entry in found)
    ways = "Choose another OUTPUT"
    if ours:
        ways += ", or replace the dataset with --mode overwrite --yes"
    what = "a dataset that semscore wrote" if ours else f"other data ({found[0].path})"
    raise UserError(f"OUTPUT {output.local} holds {what}. {ways}")


def require_ours(output: Folder) -> list[Entry]:
    """All files of a dataset that semscore wrote; UserError if there is any other file."""
    found = output.entries()
    if found and not any(entry.path == RUN for entry in found):
        raise UserError(
            f"OUTPUT {output.local} holds data that semscore did not write ({found[0].path}), "
            "and nothing of it is deleted. Choose another OUTPUT"
        )
    for entry in found:
        if not (entry.path.startswith(f"{HOME}/") or entry.path == SUCCESS or _is_data(entry)):
            raise UserError(
                f"OUTPUT {output.local} also holds {entry.path}, which semscore did not write; "
                "move it away, or choose another OUTPUT"
            )
    return found


def remove_dataset(output: Folder) -> None:
    """Delete a dataset that semscore wrote: first what declares it complete, last its run record.

    So a removal that was broken off can go on, and nobody takes what is left for the whole.
    """
    paths = [entry.path for entry in require_ours(output) if entry.path != RUN]
    output.delete(sorted(paths, key=lambda path: path not in (SUCCESS, MANIFEST)))
    output.delete_folder(HOME)


def begin(output: Folder, record: dict[str, Any]) -> None:
    """Write the run's record; OutputInUse if another run has begun here meanwhile."""
    if not output.create_if_absent(RUN, _json(record)):
        raise OutputInUse(
            f"another run has begun to write to OUTPUT {output.local}; wait for it, or choose "
            "another folder"
        )


def commit(output: Folder, record: UnitRecord) -> bool:
    """Write a unit's record if there is none yet: the first wins."""
    return output.create_if_absent(f"{UNITS}/{record.id}.json", _json(asdict(record)))


def finish(output: Folder, manifest: dict[str, Any]) -> None:
    """Declare the dataset complete."""
    output.write(MANIFEST, _json(manifest))
    output.write(SUCCESS, b"")
    output.delete_folder(STAGING)


def data_files(output: Folder) -> list[Entry]:
    """The published files, as listed now."""
    return [entry for entry in output.entries() if _is_data(entry)]


def _is_data(entry: Entry) -> bool:
    return DATA_FILE.fullmatch(entry.path) is not None


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1, ensure_ascii=False).encode()
