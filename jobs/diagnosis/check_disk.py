"""Check the disks of this machine: free space, and permission to write."""

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

# Enough for a model and its converted form; what Spark shuffles and spills needs more.
LEAST = 2 * 10**9


class Place(NamedTuple):
    """A folder that a run writes to."""

    what: str
    path: Path
    setting: str  # the setting that chooses another folder
    without: Level  # the level of the finding if the folder cannot be written to


def check_disk(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Check the folders for temporary files and Spark's files, and the model cache."""
    places = [Place("temporary files", Path(tempfile.gettempdir()), "TMPDIR", "fail")]
    local = _spark_folders(conf)
    without: Level = "fail" if len(local) == 1 else "warn"  # Spark uses the others
    places += [Place("Spark's files", path, "spark.local.dir", without) for path in local]
    # Only a warning, because some runs convert no model. Workers that must, but cannot, fail.
    places.append(Place("models", cache_folder(), "SEMSCORE_CACHE", "warn"))
    if is_temporary():
        yield Finding(
            "disk",
            "warn",
            f"there is no home folder, so models are kept in {cache_folder()}, where they may be "
            "deleted at any time",
            f"set {VARIABLE} to a permanent folder",
        )
    results = [_look(place) for place in dict.fromkeys(places)]
    yield from (result for result in results if isinstance(result, Finding))
    if good := [result for result in results if isinstance(result, str)]:
        yield Finding("disk", "ok", ", ".join(good))


def _spark_folders(conf: Mapping[str, str]) -> list[Path]:
    """Return Spark's local folders by its own rules: YARN's, the environment's, the setting's."""
    yarn = os.environ.get("LOCAL_DIRS") if "CONTAINER_ID" in os.environ else None
    chosen = yarn or os.environ.get("SPARK_LOCAL_DIRS") or conf.get("spark.local.dir", "/tmp")
    return [Path(folder.strip()) for folder in chosen.split(",")]


def free_bytes(path: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or would be created on."""
    return shutil.disk_usage(_existing(path)).free


def _look(place: Place) -> Finding | str:
    """Return what is wrong with a folder as a finding, or its free space as text."""
    folder, fix = _existing(place.path), f"set {place.setting} to a folder on another disk"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"semscore")
            file.flush()
    except OSError as error:
        found = f"{place.path} ({place.what}) cannot be written to: {error.strerror}"
        return Finding("disk", place.without, found, fix)
    free = free_bytes(folder)
    found = f"{decimal(free)} free for {place.what} ({place.path})"
    if free < LEAST:
        return Finding("disk", "warn", f"{found}, less than {decimal(LEAST)}", fix)
    return found


def _existing(path: Path) -> Path:
    """Return the folder itself, or the closest parent that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
