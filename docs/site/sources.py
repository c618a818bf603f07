"""The sources under the names that they have once they are installed."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_sources(to: Path) -> None:
    """Copy the package to a folder, which is replaced. In the repository, its parts lie apart."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(ROOT / "semscore", to)
    only_python = shutil.ignore_patterns("__pycache__", "*.html", "*.tsv")
    for package in ("jobs", "udfs"):
        shutil.copytree(ROOT / package, to / package, ignore=only_python)
