"""Files that are taken by path, by images and scripts, are there, and can stand alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = [
    ROOT / "container/Dockerfile",
    ROOT / "container/build_and_push.sh",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "conf").glob("*.conf")),
]
# In our own folders, with a file's ending.
PATH = re.compile(r"(?<![\w/.-])((?:jobs|udfs|container|conf|tests|benchmarks)/[\w/.-]+\.\w+)")


def paths(place: Path) -> set[str]:
    return set(PATH.findall(place.read_text("utf-8")))


@pytest.mark.parametrize("place", PLACES, ids=lambda path: path.name)
def test_what_is_named_exists(place: Path) -> None:
    missing = {path for path in paths(place) if not (ROOT / path).exists()}
    assert not missing


def copied() -> list[str]:
    """The Python files of ours that the image has by path, outside of the package."""
    lines = re.findall(r"^COPY (.*)$", (ROOT / "container/Dockerfile").read_text("utf-8"), re.M)
    found = [path for line in lines for path in PATH.findall(line)]
    assert len(found) >= 6
    return [path for path in found if path.startswith("udfs/")]


@pytest.mark.parametrize("path", copied())
def test_a_copied_file_imports_nothing_of_semscore(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.startswith("semscore")]
