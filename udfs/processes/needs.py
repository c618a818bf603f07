"""What a worker's Python must have. It is checked before a run writes anything."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from typing import NamedTuple

from semscore.udfs.processes.compatible import Conflict, conflict, installed

# Looked up without an import: torch takes seconds, and is not needed where OpenVINO computes.
MODULES = ("numpy", "pandas", "pyarrow", "sentence_transformers", "tokenizers", "torch")


class WorkerPython(NamedTuple):
    """The Python that a worker runs in."""

    executable: str
    version: str
    missing: list[str]  # names of modules
    conflict: Conflict | None = None  # between the installed versions


def this_python(_: object = None) -> WorkerPython:
    """Return the path and version of this Python, its missing modules, and a version conflict."""
    missing = [name for name in MODULES if find_spec(name) is None]
    in_conflict = None if missing else conflict(installed())
    return WorkerPython(sys.executable, platform.python_version(), missing, in_conflict)
