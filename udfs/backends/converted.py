"""Models converted for OpenVINO: made once per node, kept in a cache, found again by content."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from semscore.udfs import child
from semscore.udfs.cache import cache_folder
from semscore.udfs.model_hash import content_sha256

CONVERSION = "semscore.udfs.backends.convert"
VERSION = 1  # of the converted folder's layout
REASON = "unconvertible.txt"  # stands in the folder of a model that cannot be converted, alone
LIBRARIES = ("openvino", "sentence-transformers", "torch", "transformers")


class NotConvertible(Exception):
    """OpenVINO cannot run the model; the message says why."""


@lru_cache
def converted_place(folder: Path) -> Path:
    """Where the conversion of a model is, or will be.

    The name stands for the model's content and the libraries' versions: another model, or another
    library, never meets an old conversion.
    """
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), versions], sort_keys=True)
    return cache_folder() / "openvino" / hashlib.sha256(key.encode()).hexdigest()[:24]


def conversion_command(folder: Path) -> list[str]:
    """The command that converts a model, or waits for the process that is at it."""
    return child.python_command(CONVERSION, folder, converted_place(folder))


def converted(folder: Path) -> Path:
    """The converted model, made first if it is not there, by a process of its own.

    Torch then never gets into this one: that saves seconds and memory in each worker. Raises
    NotConvertible, from then on without another try.
    """
    place = converted_place(folder)
    if not place.exists():
        try:
            child.run(CONVERSION, folder, place)
        except child.ChildFailed as error:
            raise NotConvertible(f"its conversion failed: {error}") from error
    reason = place / REASON
    if reason.exists():
        raise NotConvertible(reason.read_text("utf-8"))
    return place
