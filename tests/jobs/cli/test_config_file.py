"""One TOML file for all commands, and the names that options had before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.cli.app import app, main
from semscore.jobs.cli.config_file import config_files
from semscore.jobs.cli.old_names import RENAMED

FILE = """
model = "m"
text2 = "body"
keep = ["Price, EUR", "id"]
instances = 3
[launch]
role = "arn:aws:iam::111122223333:role/r"
image_uri = "image"
instance-type = "ml.g5.2xlarge"
instances = 5
[plan]
instance-type = ["ml.g5.2xlarge", "ml.m5.4xlarge"]
"""


def options(folder: Path, command: str, content: str = FILE) -> dict[str, Any]:
    file = folder / "run.toml"
    file.write_text(content)
    [config] = config_files(app, [command, "--config", str(file)])
    found: dict[str, Any] = dict(config.config)
    return found


def test_each_command_takes_the_options_that_it_has(tmp_path: Path) -> None:
    shared = {"model": "m", "text2": "body"}
    assert options(tmp_path, "score") == shared | {"keep": ['"Price, EUR"', "id"], "instances": 3}
    assert options(tmp_path, "report") == {}


def test_a_section_is_for_its_command_and_wins(tmp_path: Path) -> None:
    launch = options(tmp_path, "launch")
    assert (launch["instances"], launch["image-uri"]) == (5, "image")
    plan = options(tmp_path, "plan")
    assert (plan["instances"], plan["instance-type"]) == (3, ["ml.g5.2xlarge", "ml.m5.4xlarge"])
    assert "role" not in options(tmp_path, "score")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('text_1 = "a"', "text_1 is not an option of any command. Did you mean text1?"),
        ("count = 3", "count is not an option of any command. Did you mean instances?"),
        ("[plan]\nrole-arn = 1", "[plan] role-arn is not an option of this command."),
        ("[plan]\nresume = true", "[plan] resume is not .* Did you mean mode resume?"),
        ("[planning]\nrows = 1", "[planning] is not a command; the sections are: demo, doctor,"),
        ("model = ", "is not valid TOML: "),
    ],
)
def test_mistakes(
    content: str, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(content)
    assert main(["score", "in", "out", "--config", str(file)]) == 2
    for part in says.split(" .* "):
        assert part in caplog.messages[-1]


@pytest.mark.parametrize("old", RENAMED)
def test_old_names_are_answered_with_the_new_ones(
    old: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["launch", "s3://a/b", "s3://c/d", old, "3"]) == 2
    assert caplog.messages == [f"Unknown option: {old}. Did you mean {RENAMED[old]}?"]


def test_no_command_has_an_old_name() -> None:
    for command in ("score", "launch", "plan", "doctor", "report"):
        names = {
            name
            for argument in app[command].assemble_argument_collection()
            for name in argument.names
        }
        assert not names & set(RENAMED), command
