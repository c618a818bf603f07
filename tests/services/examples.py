"""The code blocks of a page, and the commands in them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def commands(page: str) -> list[list[str]]:
    """Return the words of each semscore command in a page's shell blocks."""
    joined = [block.replace("\\\n", "") for block in blocks(page, "bash")]
    lines = [line.partition("|")[0] for block in joined for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("semscore ")]


def run(command: list[str], folder: Path) -> str:
    """Run a command as a user would, and return what it prints."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    environment["PYSPARK_PYTHON"] = sys.executable
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout + done.stderr)
    return done.stdout


def run_bare(script: str, folder: Path) -> None:
    """Run a Python script with an empty environment, so with no Java on the PATH."""
    (folder / "example.py").write_text(script, "utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=folder, env={}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # quiet
