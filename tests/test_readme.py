"""The README's commands and examples work as they stand there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services.examples import blocks, commands, run, run_bare

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dataset that the examples read."""
    from semscore.jobs.demo.pairs import write_demo_dataset

    folder = tmp_path_factory.mktemp("readme")
    write_demo_dataset(folder / "pairs", rows=40)
    return folder


def test_commands_are_understood() -> None:
    """Words that the command does not have, or a value that it does not take, are noticed."""
    from semscore.jobs.cli.app import app

    found = commands(README)
    assert len(found) >= 5
    for command in found:
        app.parse_args(command[1:], print_error=False, exit_on_error=False)


@pytest.mark.slow
def test_commands(folder: Path) -> None:
    for command in commands(README):
        run(command, folder)


def test_python_examples_run_as_bare_scripts(folder: Path) -> None:
    """With an empty environment, and no Java on the PATH."""
    examples = blocks(README, "python")
    assert examples
    for example in examples:
        run_bare(example, folder)


def test_make_targets_exist() -> None:
    lines = [line for block in blocks(README, "bash") for line in block.splitlines()]
    targets = [line.split()[1] for line in lines if line.startswith("make ")]
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        subprocess.run(["make", "-C", str(ROOT), "-n", target], check=True, capture_output=True)


@pytest.mark.parametrize("python", ["false", "/nowhere/python3.12"])
def test_make_demo_says_which_python_it_needs(tmp_path: Path, python: str) -> None:
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["make", "-C", tmp_path, "demo", f"PYTHON={python}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"needs Python 3.10, 3.11 or 3.12 with its venv module; {python} is not" in done.stderr
    assert not (tmp_path / ".venv").exists()
