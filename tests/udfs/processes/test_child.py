"""Other Pythons: they import what this one does, and nothing that lies in the working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semscore.udfs.errors import ChildFailed, ModelError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.processes import child
from semscore.udfs.processes.child import Child, ask_once, python_command, python_path
from semscore.udfs.processes.needs import this_python

SHADOWS = ("random", "tokenize", "statistics", "queue", "types", "semscore", "pandas")


@pytest.fixture
def shadows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which files and folders are called like modules."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"open('{tmp_path}/{name}.was-run', 'w')\n")
    for name in ("tokenizers", "openvino", "transformers"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", ["", "HERE"])
def test_nothing_in_the_working_folder_is_imported(
    shadows: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [path.replace("HERE", str(shadows)), *sys.path])
    found = ask_once(this_python)
    assert (found.missing, found.version) == ([], sys.version.split()[0])
    assert not list(shadows.glob("*.was-run"))


def test_the_path_is_absolute_and_without_the_folders_that_lie_about(
    shadows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["", ".", str(shadows), "lib", "/else", "/else"])
    assert python_path() == [str(shadows / "lib"), "/else"]


def test_where_semscore_itself_is_stays_on_the_path(
    shadows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "HERE", shadows / "semscore" / "udfs" / "child.py")
    monkeypatch.setattr(sys, "path", ["/else", str(shadows)])
    assert python_path() == ["/else", str(shadows)]


def test_a_module_is_run_with_its_arguments_as_by_python_m(tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text("import sys; print(__name__, sys.argv[1:])")
    done = subprocess.run(
        python_command("shown", 1, tmp_path),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"__main__ ['1', '{tmp_path}']\n"


def test_questions_are_answered_one_after_another_by_one_process() -> None:
    with Child() as other:
        first, second = other.ask(os.getpid), other.ask(os.getpid)
        assert other.ask(max, [3, 5]) == 5
        assert other.ask(print, "not an answer") is None
    assert first == second != os.getpid()


def test_an_error_comes_back_as_itself() -> None:
    with Child() as other:
        with pytest.raises(ZeroDivisionError):
            other.ask(divmod, 1, 0)
        with pytest.raises(ModelError, match="this folder does not exist"):
            other.ask(local_folder, "./nowhere")
        assert other.ask(abs, -1) == 1  # and it goes on


def test_a_process_that_is_ended_says_so() -> None:
    with Child() as other:
        pid = other.ask(os.getpid)
        with pytest.raises(ChildFailed, match="ended by signal 9; there may be too little memory"):
            other.ask(os.kill, pid, 9)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_module_that_fails_is_one_sentence() -> None:
    with pytest.raises(ChildFailed, match=r"No module named 'no'\)$"):
        child.run("no.such")
    child.run("semscore.udfs.version")
