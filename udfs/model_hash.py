"""The identity of a model: a hash of what loading it may read.

Standard library only: an image's build loads this file by its path.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

LOADED = (".jinja", ".json", ".model", ".safetensors", ".txt")  # endings of what a model is made of
OTHER_FORMATS = ("onnx", "openvino")  # folders with copies of the weights that are never read


def content_sha256(folder: Path) -> str:
    """One hash over the names and contents of all files that loading the model may read."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix in LOADED and name.parts[0] not in OTHER_FORMATS and path.is_file():
            content = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(2**20):
                    content.update(chunk)
            total.update(f"{name.as_posix()}\0{content.hexdigest()}\n".encode())
    return total.hexdigest()
