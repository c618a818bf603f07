"""The installed package as a zip for Spark's --py-files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Traversable

ROOMS = ("conf", "jobs", "udfs")


def write_code(target: Path, rooms: Sequence[str] = ROOMS) -> Path:
    """Write subpackages of semscore with all their files into a zip, and return its path.

    `rooms`: the names of the subpackages. This also works if semscore itself runs from a zip. The
    same files always give the same zip.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("__init__.py", "__main__.py", "py.typed"):
            _write(archive, f"semscore/{name}", files("semscore") / name)
        for room in rooms:
            for name, file in _files_below(files(f"semscore.{room}"), f"semscore/{room}"):
                _write(archive, name, file)
    return target


def _write(archive: zipfile.ZipFile, name: str, file: Traversable) -> None:
    entry = zipfile.ZipInfo(name)  # with a fixed time
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    archive.writestr(entry, file.read_bytes())


def _files_below(place: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    """Yield the name in the zip, and the file, for all files in a folder and its subfolders."""
    for item in sorted(place.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name != "__pycache__":
            yield from _files_below(item, f"{name}/{item.name}")
        elif item.is_file():
            yield f"{name}/{item.name}", item
