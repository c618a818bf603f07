"""CodeBuild's buildspec, run in a small repository with stand-ins for aws and docker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.container.workplace import BUILDSPEC, PATIENCE_S, ROOT, Workplace


def phases() -> dict[str, Any]:
    """The phases of CodeBuild's buildspec."""
    spec = yaml.safe_load((ROOT / BUILDSPEC).read_text("utf-8"))
    assert set(spec) == {"version", "env", "phases"}
    assert spec["version"] == 0.2
    assert spec["env"]["shell"] == "bash"
    assert set(spec["phases"]) <= {"install", "pre_build", "build", "post_build"}
    return dict(spec["phases"])


def buildspec_script() -> str:
    """The commands in their order. CodeBuild ends a phase at the first one that fails."""
    commands = [line for phase in phases().values() for line in phase["commands"]]
    assert all(isinstance(line, str) for line in commands), "YAML has read a command as a mapping"
    return "\n".join(["#!/usr/bin/env bash", "set -e", *commands, ""])


def test_shellcheck_has_nothing_to_say_of_the_buildspec(tmp_path: Path) -> None:
    (tmp_path / "commands.sh").write_text(buildspec_script())
    command = [str(Path(sys.executable).with_name("shellcheck")), str(tmp_path / "commands.sh")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_commands_of_the_buildspec_build_and_push(place: Workplace) -> None:
    (place.folder / "plan.json").write_text(json.dumps(place.plan))
    (place.folder / "log.jsonl").write_text("")
    environment = {
        "PATH": str(place.bin),
        "HOME": str(place.folder),
        "AWS_REGION": "eu-west-1",
        "REPOSITORY": "scoring",
        "BUILD_OPTIONS": "--torch 2.12.0 --requirements container/gpu.txt",
    }
    done = subprocess.run(
        ["bash", "-c", buildspec_script()],
        cwd=place.repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/scoring:1.2.3-"
    assert f"pushed {uri}" in done.stdout
    assert "--build-arg TORCH=2.12.0 --build-arg REQUIREMENTS=container/gpu.txt" in place.call(
        "docker build"
    )
    assert place.call("docker push").startswith(f"docker push {uri}")


def test_a_build_that_fails_ends_the_buildspec(place: Workplace) -> None:
    place.plan = {"docker build": {"code": 1}} | place.plan
    (place.folder / "plan.json").write_text(json.dumps(place.plan))
    environment = {"PATH": str(place.bin), "HOME": str(place.folder), "REPOSITORY": "scoring"}
    done = subprocess.run(
        ["bash", "-c", buildspec_script()],
        cwd=place.repository,
        env={**environment, "BUILD_OPTIONS": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode != 0
    assert "pushed" not in done.stdout
