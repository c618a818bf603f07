"""Disks of this machine: room, and the right to write."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rich.filesize import decimal

from semscore.jobs.diagnosis.finding import Finding, Level
from semscore.udfs.stores.cache import VARIABLE, cache_folder, is_temporary

# A model and what it is converted to; what Spark shuffles and spills comes on top.
LEAST = 2 * 10**9


class Place(NamedTuple):
    """A folder that a run writes to."""

    what: str
    path: Path
    setting: str  # that chooses another
    without: Level  # what it means if nothing can be written there


def check_disk(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Temporary files, Spark's local folders, the cache of models."""
    places = [Place("temporary files", Path(tempfile.gettempdir()), "TMPDIR", "fail")]
    local = _spark_folders(conf)
    without: Level = "fail" if len(local) == 1 else "warn"  # Spark goes on with the others
    places += [Place("Spark's files", path, "spark.local.dir", without) for path in local]
    # Some runs convert no model: the workers say if they must and cannot.
    places.append(Place("models", cache_folder(), "SEMSCORE_CACHE", "warn"))
    if is_temporary():
        yield Finding(
            "disk",
            "warn",
            f"there is no home folder to keep models in; {cache_folder()} may be gone tomorrow",
            f"set {VARIABLE} to a folder that stays",
        )
    found = [_look(place) for place in dict.fromkeys(places)]
    yield from (bad for bad in found if isinstance(bad, Finding))
    if good := [one for one in found if isinstance(one, str)]:
        yield Finding("disk", "ok", ", ".join(good))


def _spark_folders(conf: Mapping[str, str]) -> list[Path]:
    """In the order of Spark's own rules: YARN's word, the environment's, the setting's."""
    yarn = os.environ.get("LOCAL_DIRS") if "CONTAINER_ID" in os.environ else None
    chosen = yarn or os.environ.get("SPARK_LOCAL_DIRS") or conf.get("spark.local.dir", "/tmp")
    return [Path(each.strip()) for each in chosen.split(",")]


def free_bytes(path: Path) -> int:
    """Of the disk that a folder is on, or would be made on."""
    return shutil.disk_usage(_existing(path)).free


def _look(place: Place) -> Finding | str:
    home, fix = _existing(place.path), f"set {place.setting} to a folder on another disk"
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"semscore")
            file.flush()
    except OSError as error:
        found = f"{place.path} ({place.what}) cannot be written: {error.strerror}"
        return Finding("disk", place.without, found, fix)
    free = free_bytes(home)
    found = f"{decimal(free)} free for {place.what} ({place.path})"
    if free < LEAST:
        return Finding("disk", "warn", f"{found}, less than {decimal(LEAST)}", fix)
    return found


def _existing(path: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
