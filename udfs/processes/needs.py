"""What a worker's Python must have, asked of it before a run writes anything."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from typing import NamedTuple

# Not imported for that: torch alone takes seconds, and where OpenVINO computes it is not needed.
MODULES = ("numpy", "pandas", "pyarrow", "sentence_transformers", "tokenizers", "torch")


class WorkerPython(NamedTuple):
    """The Python that a worker runs in."""

    executable: str
    version: str
    missing: list[str]  # modules


def this_python(_: object = None) -> WorkerPython:
    """What this Python is, and lacks."""
    missing = [name for name in MODULES if find_spec(name) is None]
    return WorkerPython(sys.executable, platform.python_version(), missing)
