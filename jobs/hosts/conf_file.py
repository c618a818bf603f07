"""Reading the files in conf/, which are part of the installed package."""

from __future__ import annotations

from importlib.resources import files


def conf_file(name: str) -> dict[str, str]:
    """Return the settings in a file of `key value` lines, without those that are commented out."""
    lines = (files("semscore.conf") / name).read_text("utf-8").splitlines()
    pairs = (line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))
    return {key: value.strip() for key, value in pairs}
