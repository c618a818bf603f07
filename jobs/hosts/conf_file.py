"""The files in conf/, as they travel with the package."""

from __future__ import annotations

from importlib.resources import files


def conf_file(name: str) -> dict[str, str]:
    """The settings in a file of lines `key value`, without those that are commented out."""
    lines = (files("semscore.conf") / name).read_text("utf-8").splitlines()
    pairs = (line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))
    return {key: value.strip() for key, value in pairs}
