"""Options that had other names in earlier versions, for the message that names the new one."""

from __future__ import annotations

from collections.abc import Sequence

RENAMED = {
    "--calibrate": "--past-run",
    "--count": "--instances",
    "--instance-count": "--instances",
    "--resume": "--mode resume",
}


def new_name(option: str) -> str | None:
    """Return the new name of an option of an earlier version, or None if it was not renamed."""
    return RENAMED.get(option)


def renamed(arguments: Sequence[str]) -> str | None:
    """Return a message about the first argument that is an old name, or None if there is none."""
    for argument in arguments:
        option = argument.partition("=")[0]
        if name := new_name(option):
            return f"Unknown option: {option}. Did you mean {name}?"
    return None
