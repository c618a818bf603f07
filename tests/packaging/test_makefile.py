"""The Makefile lists its targets, and installs Debian packages only if it is asked to."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.M))
DESCRIBED = dict(re.findall(r"^([a-z][\w-]*):.*?## (.+)$", MAKEFILE, re.M))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with a shell, without the tools, and with an apt-get that only notes what is asked."""
    for name in ("sh", "awk", "id"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    (tmp_path / "sudo").write_text('#!/bin/sh\nexec "$@"\n', "utf-8")
    (tmp_path / "apt-get").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n', "utf-8")
    for name in ("sudo", "apt-get"):
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    assert make
    return subprocess.run(
        [make, "-C", str(ROOT), *words], env={"PATH": str(path)}, capture_output=True, text=True
    )


def test_help_shows_each_target_that_has_a_description(bare: Path) -> None:
    shown = run(bare).stdout
    assert len(DESCRIBED) > 25
    for name, description in DESCRIBED.items():
        assert re.search(rf"^  {name} +{re.escape(description)}$", shown, re.M), name


def test_targets_for_tests_and_benchmarks_have_a_description() -> None:
    named = {name for name in TARGETS if re.match(r"(test|bench)", name)}
    assert named <= set(DESCRIBED)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md", "benchmarks/README.md"])
def test_the_targets_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([\w-]+)", (ROOT / page).read_text("utf-8"), re.M))
    assert named
    assert named <= TARGETS


def test_missing_packages_are_named_and_not_installed(bare: Path) -> None:
    done = run(bare, "tools-for-browser")
    assert done.returncode == 2
    assert (
        "Debian packages are missing; install them with: sudo apt-get install chromium "
        "fonts-liberation (or: make tools-for-browser TOOLS=install)\n"
    ) in done.stderr
    assert not (bare / "asked").exists()


def test_they_are_installed_if_asked(bare: Path) -> None:
    assert run(bare, "tools-for-browser", "TOOLS=install").returncode == 0
    asked = (bare / "asked").read_text("utf-8")
    assert asked == "install --yes --no-install-recommends chromium fonts-liberation\n"


def test_nothing_is_said_of_packages_that_are_there(bare: Path) -> None:
    (bare / "chromium").symlink_to(bare / "sudo")
    done = run(bare, "tools-for-browser")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (bare / "asked").exists()
