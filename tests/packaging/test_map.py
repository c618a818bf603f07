"""CONTRIBUTING.md's code layout and its lists of changes are true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAP = TEXT[TEXT.index("semscore/  ") : TEXT.index("Imports only go down")]


def test_it_has_each_package_and_each_file_that_can_be_run() -> None:
    shown = set(re.findall(r"^ *([\w.]+)/? ", MAP, re.M))
    for side in ("jobs", "udfs"):
        packages = {path.parent.name for path in (ROOT / side).rglob("__init__.py")}
        files = {path.name for path in (ROOT / side).glob("*.py")} - {"__init__.py", "version.py"}
        assert packages | files <= shown


def test_each_folder_and_file_that_it_names_exists() -> None:
    place: list[str] = []
    for indent, name in re.findall(r"^( *)([\w./]+)  ", MAP, re.M):
        place[len(indent) // 2 :] = [name]
        path = ROOT.joinpath(*place)
        assert path.is_dir() if name.endswith("/") else path.is_file(), path
    assert place


def test_the_top_of_jobs_holds_only_what_can_be_run() -> None:
    files = {path.stem for path in (ROOT / "jobs").glob("*.py")} - {"__init__"}
    assert files == {"score", "embed", "plan", "doctor", "launch", "report"}


def test_nothing_at_the_top_of_jobs_has_a_librarys_name() -> None:
    """`python jobs/score.py` puts jobs/ first on the path."""
    names = {path.stem for path in (ROOT / "jobs").iterdir()}
    assert not names & sys.stdlib_module_names
    assert not names & {"sagemaker", "pyspark", "torch", "transformers", "rich", "cyclopts"}


def test_the_files_that_the_lists_name_exist() -> None:
    part = TEXT[TEXT.index("## To add") : TEXT.index("## How it is written")]
    table = re.sub(r"\n +", " ", part)  # one line for each item
    named = re.findall(r"`((?:jobs|udfs|conf|tests)/[\w./]+)`", table)
    new = {"udfs/stores/gcs_folder.py", "udfs/backends/onnx.py"}
    assert len(named) > 20
    for name in set(named) - new:
        assert (ROOT / name).exists(), name
    symbols = re.findall(r"`(\w+)`(?: there)? (?:in|of) `((?:jobs|udfs)/[\w./]+)`", table)
    assert len(symbols) > 30
    for symbol, file in symbols:
        assert re.search(rf"\b{symbol}\b", (ROOT / file).read_text("utf-8")), (symbol, file)
