"""The identity of a model: a hash of all files that loading it may read.

Uses only the standard library, because the build of an image loads this file by its path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

LOADED = (".jinja", ".json", ".model", ".safetensors", ".txt")  # suffixes of a model's files
OTHER_FORMATS = ("onnx", "openvino")  # folders with copies of the weights that are never read


def content_sha256(folder: Path) -> str:
    """Return one hash over the names and contents of all files that loading the model may read.

    A process reads the files only once, unless their sizes or modification times change.
    """
    files = []
    for path in content_files(folder):
        status = path.stat()
        files.append((path.relative_to(folder), status.st_size, status.st_mtime_ns))
    return _sha256(folder, tuple(files))


def content_files(folder: Path) -> Iterator[Path]:
    """Yield all files that loading a model may read, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix in LOADED and name.parts[0] not in OTHER_FORMATS and path.is_file():
            yield path


@lru_cache
def _sha256(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    total = hashlib.sha256()
    for name, _, _ in files:
        content = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while chunk := file.read(2**20):
                content.update(chunk)
        total.update(f"{name.as_posix()}\0{content.hexdigest()}\n".encode())
    return total.hexdigest()
