"""The examples of docs/schedules.md: each export is printed, and each `aws` command exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import botocore.session
import pytest
from botocore import xform_name

from semscore.jobs.cli import app
from semscore.jobs.processing_job.exports.export_options import Format
from tests.services.examples import blocks, commands

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text("utf-8")
EXPORTS = commands(PAGE)
CONFIG = re.compile(r"^cat > (\S+\.toml) <<EOF\n(.*?)^EOF", re.M | re.S)
NOT_OF_AN_OPERATION = {"cli-input-json"}


def aws_commands() -> list[list[str]]:
    joined = "".join(blocks(PAGE, "bash")).replace("\\\n", "")
    return [shlex.split(line) for line in joined.splitlines() if line.startswith("aws ")]


def test_the_page_shows_every_format() -> None:
    shown = {words[words.index("--export") + 1] for words in EXPORTS}
    assert shown == set(get_args(Format))


@pytest.mark.parametrize("words", EXPORTS, ids=lambda words: words[words.index("--export") + 1])
def test_an_example_is_printed(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [(name, options)] = CONFIG.findall(PAGE)
    (tmp_path / name).write_text(options, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert app.main([*words[1 : words.index(">")], "--dry-run"]) == 0
    text = capsys.readouterr().out
    if "--state-machine" in words:  # which has the request
        assert '"Arn": "arn:aws:states:us-east-1:111122223333:stateMachine:scoring"' in text
        return
    assert "s3://my-code/semscore/semscore-" in text
    assert "--mode=resume" in text


@pytest.mark.parametrize("words", aws_commands(), ids=lambda words: words[2])
def test_an_aws_command_exists(words: list[str]) -> None:
    _, service, name, *options = words
    if name == "deploy":  # of the command itself, not of the service
        return
    model = botocore.session.get_session().get_service_model(service)
    operations: dict[str, Any] = {xform_name(each, "-"): each for each in model.operation_names}
    members = model.operation_model(operations[name]).input_shape.members
    known = {xform_name(member, "-") for member in members} | NOT_OF_AN_OPERATION
    assert {each[2:] for each in options if each.startswith("--")} <= known
