"""Who may import whom is checked, and the check can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CONF = ROOT / "pyproject.toml"
LAYERS = tomllib.loads(CONF.read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]["layers"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The sources under the names that an installed copy has."""
    shutil.copytree(ROOT / "semscore", tmp_path / "semscore")
    for side in ("conf", "jobs", "udfs"):
        shutil.copytree(ROOT / side, tmp_path / "semscore" / side)
    return tmp_path


def lint(place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", str(CONF)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
    )


def test_the_layers_hold(installed: Path) -> None:
    done = lint(installed)
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        ("udfs/worker/ahead.py", "semscore.jobs.options.settings"),  # from the executors' side
        ("jobs/dataset/units.py", "semscore.jobs.run.progress"),  # upwards
        ("jobs/planner/estimate.py", "semscore.jobs.reporting.facts"),  # sideways
        ("udfs/proofs/proof.py", "semscore.udfs.backends.load"),
    ],
)
def test_an_import_that_is_not_allowed_is_found(installed: Path, module: str, wrong: str) -> None:
    file = installed / "semscore" / module
    file.write_text(f"{file.read_text('utf-8')}\n\nimport {wrong}\n", "utf-8")
    done = lint(installed)
    assert done.returncode == 1
    assert wrong in done.stdout


def test_each_package_has_a_layer() -> None:
    """Else it could import anything."""
    layered = {name for layer in LAYERS for name in re.split(r" \| ", layer)}
    for side in ("jobs", "udfs"):
        for path in (ROOT / side).iterdir():
            if (path.is_dir() and (path / "__init__.py").exists()) or path.suffix == ".py":
                name = f"semscore.{side}.{path.stem}"
                assert path.stem == "__init__" or name in layered, name
