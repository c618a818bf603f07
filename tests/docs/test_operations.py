"""The shell blocks of docs/operations.md, with stand-ins for aws and semscore."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.services.examples import blocks

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text("utf-8")
# Notes its words, and ends with the next exit code in a file.
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$PLACE/called"
[ "$(basename "$0")" = semscore ] || exit 0
code=$(head -n 1 "$PLACE/codes")
sed -i 1d "$PLACE/codes"
exit "$code"
"""


def run(block: str, place: Path, codes: str = "0") -> tuple[int, list[str]]:
    """Run a block. Return its exit code, and the commands that it called."""
    (place / "codes").write_text("\n".join(codes.split()) + "\n")
    for name in ("aws", "semscore"):
        (place / name).write_text(STAND_IN)
        (place / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "-eu", "-c", block],
        cwd=place,
        env={"PATH": f"{place}:{os.environ['PATH']}", "PLACE": str(place)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert not done.stderr
    return done.returncode, (place / "called").read_text().splitlines()


def block_with(part: str) -> str:
    [found] = [block for block in blocks(PAGE, "bash") if part in block]
    return found


@pytest.mark.parametrize(
    ("codes", "ends_with", "runs"), [("75 75 0", 0, 3), ("75 7", 7, 2), ("2", 2, 1)]
)
def test_the_loop_resumes_after_75_alone(
    tmp_path: Path, codes: str, ends_with: int, runs: int
) -> None:
    code, called = run(block_with("while true"), tmp_path, codes)
    assert code == ends_with
    assert len(called) == runs
    assert all("--mode resume" in words for words in called)


@pytest.mark.parametrize("block", [b for b in blocks(PAGE, "bash") if "while true" not in b])
def test_the_other_blocks_run(tmp_path: Path, block: str) -> None:
    code, called = run(block, tmp_path)
    assert code == 0
    assert called


def test_the_parameters_of_the_stack_exist(tmp_path: Path) -> None:
    _, called = run(block_with("cloudformation deploy"), tmp_path)
    [deploy] = [words for words in called if " deploy " in words]
    given = dict(each.split("=", 1) for each in deploy.split("--parameter-overrides ")[1].split())
    file = deploy.split("--template-file ")[1].split()[0]

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda *_: None)
    parameters = yaml.load((ROOT / file).read_text("utf-8"), Loader)["Parameters"]
    needed = {name for name, parameter in parameters.items() if "Default" not in parameter}
    assert needed <= set(given) <= set(parameters)


def test_json_is_json() -> None:
    found = [json.loads(block) for block in blocks(PAGE, "json")]
    assert len(found) == 2
