"""The state machine passes the npm package asl-validator."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

VALIDATOR = Path(__file__).parents[4] / "build/asl/node_modules/.bin/asl-validator"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
pytestmark = pytest.mark.exports


@pytest.mark.parametrize("options", [(), ("--alarm-topic", TOPIC)])
def test_the_state_machine_is_valid(
    options: tuple[str, ...], exported: Callable[..., str], tmp_path: Path
) -> None:
    if not VALIDATOR.is_file():
        pytest.skip("asl-validator is not installed, because this machine has no npm")
    file = tmp_path / "machine.json"
    file.write_text(exported("stepfunctions", *options), "utf-8")
    command = [str(VALIDATOR), "--json-path", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    file.write_text(file.read_text("utf-8").replace('"Next": "Score"', '"Next": "Nowhere"'))
    assert subprocess.run(command, capture_output=True).returncode != 0, "a state is missing"
