"""The installed package as a zip that Spark takes with --py-files."""

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
    """Write rooms of the package, and what lies in them, into a zip; also from within a zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for face in ("__init__.py", "__main__.py", "py.typed"):
            archive.writestr(f"semscore/{face}", (files("semscore") / face).read_bytes())
        for room in rooms:
            for name, file in _files_below(files(f"semscore.{room}"), f"semscore/{room}"):
                archive.writestr(name, file.read_bytes())
    return target


def _files_below(place: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for item in sorted(place.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name != "__pycache__":
            yield from _files_below(item, f"{name}/{item.name}")
        elif item.is_file():
            yield f"{name}/{item.name}", item
