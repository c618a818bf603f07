"""What a worker's Python must have, asked of it before a run writes anything."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from typing import NamedTuple

from semscore.udfs.processes.compatible import Conflict, conflict, installed

# Not imported for that: torch alone takes seconds, and where OpenVINO computes it is not needed.
MODULES = ("numpy", "pandas", "pyarrow", "sentence_transformers", "tokenizers", "torch")


class WorkerPython(NamedTuple):
    """The Python that a worker runs in."""

    executable: str
    version: str
    missing: list[str]  # modules
    conflict: Conflict | None = None  # of what is there


def this_python(_: object = None) -> WorkerPython:
    """What this Python is, and lacks."""
    missing = [name for name in MODULES if find_spec(name) is None]
    in_conflict = None if missing else conflict(installed())
    return WorkerPython(sys.executable, platform.python_version(), missing, in_conflict)
