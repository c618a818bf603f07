"""What is stated twice about the package agrees."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from semscore.udfs.version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_a_citation_names_this_version_and_licence() -> None:
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    stated = dict(re.findall(r"^([\w-]+): (\S+)$", text, re.M))
    assert (stated["version"], stated["license"]) == (__version__, PROJECT["license"])
    assert stated["repository-code"] == PROJECT["urls"]["Repository"]
    assert stated["url"] == PROJECT["urls"]["Documentation"]


def test_ci_runs_each_python_of_the_classifiers() -> None:
    prefix = "Programming Language :: Python :: 3."
    named = {line[len(prefix) - 2 :] for line in PROJECT["classifiers"] if line.startswith(prefix)}
    matrices = re.findall(
        r"python: \[(.*)\]", (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    )
    assert len(named) >= 4
    assert {word.strip('" ') for matrix in matrices for word in matrix.split(",")} == named
