"""`import semscore`: lazy, complete, and forgiving."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import semscore
from semscore.jobs.options.settings import Settings
from semscore.udfs.errors import UserError

ROOT = Path(__file__).parents[1]


def test_importing_it_starts_and_loads_nothing() -> None:
    code = """
import sys, threading
import semscore, semscore.udfs, semscore.udfs.errors, semscore.udfs.recipe
print({"pyspark", "torch", "pandas", "cyclopts", "boto3", "pyarrow"} & set(sys.modules))
print(threading.active_count())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("set()\n1\n", "")


def test_each_name_is_there() -> None:
    assert dir(semscore) == sorted(semscore.__all__)
    for name in semscore.__all__:
        assert getattr(semscore, name) is not None


def test_each_name_has_a_line_in_the_overview() -> None:
    """The site's build checks that the links lead to the names' entries in the reference."""
    page = (ROOT / "docs/python.md").read_text("utf-8")
    lines = re.findall(r"^\| \[`(\w+)`\]\(\S+/#semscore\.(\w+)\) \| ", page, re.M)
    assert all(name == target for name, target in lines)
    assert sorted(name for name, _ in lines) == sorted(semscore.__all__)


def test_a_name_that_is_not_there_is_suggested() -> None:
    with pytest.raises(AttributeError, match=r"no 'scores' \(did you mean 'score'\?\)"):
        semscore.scores  # noqa: B018


@pytest.mark.parametrize("name", ["Recipe", "Engine", "calibrate", "register"])
def test_the_former_place_of_a_name_says_where_it_is(name: str) -> None:
    code = f"from semscore.udfs import {name}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"did you mean: from semscore import {name}" in ran.stderr


@pytest.mark.parametrize("inputs", ["pairs", Path("pairs"), ("pairs",), [Path("pairs")]])
def test_one_place_or_several_as_text_or_path(inputs: object) -> None:
    made = Settings(inputs=inputs, output=Path("scored"))  # type: ignore[arg-type]
    assert (made.inputs, made.output) == (("pairs",), "scored")


def test_a_users_mistakes_are_user_errors() -> None:
    with pytest.raises(UserError, match=r"Recipe\.metric must be one of"):
        semscore.Recipe(metric="cosinus")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"Engine\.window_rows must be at least 1"):
        semscore.Engine(window_rows=0)
    with pytest.raises(UserError, match="needs pairs to compare precisions on"):
        semscore.similarity("a", "b", semscore.Recipe(precision="auto"))


def test_the_command_is_a_module_too() -> None:
    command = [sys.executable, "-m", "semscore", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert ran.stdout.strip() == semscore.__version__
