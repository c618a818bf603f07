"""Make Python environments for tools whose requirements conflict with those of semscore.

The versions are pinned in peers/requirements/NAME.txt. The environment is build/bench/envs/NAME. It
is made again, and what was exported with it is deleted, when the file has changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmarks import BUILD

REQUIREMENTS = Path(__file__).parent / "peers" / "requirements"
# pip's settings, and the settings of uv that mean the same.
INDEXES = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}


def home(name: str) -> Path:
    """Return the folder of an environment, which may not exist yet."""
    return BUILD.resolve() / "envs" / name


def python(name: str | None) -> Path:
    """Return the interpreter of an environment; None is the one that runs."""
    return home(name) / "bin" / "python" if name else Path(sys.executable)


def make(name: str) -> None:
    """Make an environment unless it has been made from the same requirements."""
    wanted = REQUIREMENTS / f"{name}.txt"
    made = home(name) / "requirements.txt"  # is written last
    if made.is_file() and made.read_text("utf-8") == wanted.read_text("utf-8"):
        return
    shutil.rmtree(home(name), ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    env = os.environ | {
        theirs: os.environ[ours]
        for ours, theirs in INDEXES.items()
        if ours in os.environ and theirs not in os.environ
    }
    for command in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(home(name))],
        [*uv, "pip", "install", "--quiet", "--python", str(python(name)), "-r", str(wanted)],
    ):
        subprocess.run(command, check=True, env=env)
    shutil.copy(wanted, made)


def versions(name: str | None, libraries: tuple[str, ...]) -> dict[str, str]:
    """Return library -> version, of those libraries that an environment has or will have."""
    found = pinned(REQUIREMENTS / f"{name}.txt") if name else _installed()
    return {library: found[library] for library in libraries if library in found}


def pinned(requirements: Path) -> dict[str, str]:
    """Return library -> version of a requirements file in which all versions are pinned."""
    lines = requirements.read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.partition("[")[0]: version for name, version in pairs}


def _installed() -> dict[str, str]:
    return {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
