"""The notebooks run from top to bottom; as committed they are small, and no machine's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "docs/notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
MOST = 60_000  # bytes
# Of people's machines; /tmp/semscore-cache and the like are an instance's, in its configuration.
PATHS = re.compile(r"/(home|root|Users|var/folders)/|/tmp/semscore-notebooks|site-packages")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all notebooks are as they have just run."""
    folder = tmp_path_factory.mktemp("notebooks")
    command = [sys.executable, str(FOLDER / "execute.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


def code_cells(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> set[str]:
    """The kinds of a cell's outputs; how many pieces a stream comes in is chance."""
    return {kind for output in cell.outputs for kind in output.get("data", [output.output_type])}


@pytest.mark.slow
def test_all_run(executed: Path) -> None:
    assert NAMES
    assert sorted(path.name for path in executed.iterdir()) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_what_runs(executed: Path, name: str) -> None:
    committed, ran = code_cells(FOLDER / name), code_cells(executed / name)
    assert [cell.source for cell in committed] == [cell.source for cell in ran]
    assert [shown(cell) for cell in committed] == [shown(cell) for cell in ran], "make notebooks"


@pytest.mark.parametrize("name", NAMES)
def test_it_was_run_once_from_the_top_without_errors(name: str) -> None:
    cells = code_cells(FOLDER / name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds <= {"execute_result", "stream"}
    assert all(set(cell.metadata) <= {"tags"} for cell in cells)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_no_machines_own(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert len(text.encode()) < MOST
    assert not PATHS.search(text)
    large = [cell for cell in code_cells(FOLDER / name) if "large" in cell.metadata.get("tags", ())]
    assert [cell.source.partition("(")[0] for cell in large] == ["report"]
    assert not any(cell.outputs for cell in large)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    cells = nbformat.read(FOLDER / name, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)#]+)", prose)
    assert targets
    for target in targets:
        assert (FOLDER / target).exists(), target
