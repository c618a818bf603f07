"""Following a job: progress messages, its end, the reason, Ctrl-C."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from semscore.jobs import launch as module
from semscore.jobs.cli import job_progress as shown
from semscore.jobs.launch import JobFailed
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import VERSION
from semscore.jobs.processing_job.follow import Ended, follow, last_words
from semscore.udfs.stores.local_folder import LocalFolder

Command = Callable[..., int]
BEGAN = datetime.now(timezone.utc)
FACTS = {
    "rows": 2_500,
    "rows_total": 10_000,
    "rows_per_s": 123.4,
    "eta_s": 3_725,
    "distinct_share": 0.8,
    "errors": 0,
    "units_done": 2,
    "units_total": 8,
    "units_failed": 0,
    "workers": 4,
    "at": (BEGAN + timedelta(seconds=5)).isoformat(),
}


class Jobs:
    """SageMaker's client, which answers with these descriptions, one after the other."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers: Iterator[dict[str, Any] | Exception] = iter(answers)

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return {"CreationTime": BEGAN, **answer}


class Logs:
    """CloudWatch's client, with these lines, or an error of this code."""

    def __init__(self, *lines: str, error: str | None = None) -> None:
        self.lines, self.error = lines, error

    def get_paginator(self, name: str) -> Logs:
        assert name == "filter_log_events"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        assert asked["logStreamNamePrefix"] == "j/"
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "No."}}, "FilterLogEvents")
        return [{"events": [{"message": line} for line in self.lines]}]


def running(jobs: Jobs, output: LocalFolder | None = None) -> tuple[Ended, list[str]]:
    lines: list[str] = []
    return follow(jobs, "j", output, lines.append, poll_s=0), lines


def test_what_changes_is_told_once(tmp_path: Path) -> None:
    output = LocalFolder(str(tmp_path))
    output.write(ledger.PROGRESS, json.dumps(FACTS).encode())
    state = {"ProcessingJobStatus": "InProgress"}
    ended, lines = running(Jobs(state, state, {"ProcessingJobStatus": "Completed"}), output)
    assert ended == Ended("Completed", "", 0)
    assert lines == [
        "j: in progress; 2,500 of 10,000 rows (25%), 123 rows/s, 1 h 02 min left, 2 of 8 units, "
        "4 workers, 80% distinct texts",
        "j: completed",
    ]


def test_progress_of_an_earlier_job_is_not_this_ones(tmp_path: Path) -> None:
    output = LocalFolder(str(tmp_path))
    old = {**FACTS, "at": (BEGAN - timedelta(seconds=5)).isoformat()}
    output.write(ledger.PROGRESS, json.dumps(old).encode())
    jobs = Jobs({"ProcessingJobStatus": "InProgress"}, {"ProcessingJobStatus": "Completed"})
    assert running(jobs, output)[1] == ["j: in progress", "j: completed"]


def test_a_line_that_is_down_for_a_while_ends_nothing() -> None:
    lost = EndpointConnectionError(endpoint_url="https://x")
    assert running(Jobs(lost, lost, {"ProcessingJobStatus": "Completed"}))[0].is_complete


@pytest.mark.parametrize(
    ("described", "reason", "code"),
    [
        (
            {
                "ProcessingJobStatus": "Failed",
                "ExitMessage": "INPUT has no column 'text2' (exit code 2)",
                "FailureReason": "AlgorithmError: INPUT has no column 'text2' (exit code 2)",
            },
            "INPUT has no column 'text2' (exit code 2)",
            2,
        ),
        (
            {
                "ProcessingJobStatus": "Failed",
                "FailureReason": "AlgorithmError: See job logs, exit code: 137",
            },
            "AlgorithmError: See job logs, exit code: 137",
            137,
        ),
        ({"ProcessingJobStatus": "Failed"}, "SageMaker gives no reason", 1),
        (
            {
                "ProcessingJobStatus": "Stopped",
                "ExitMessage": "SIGTERM: 3 of 9 (exit code 75)",
            },
            "SIGTERM: 3 of 9 (exit code 75)",
            75,
        ),
    ],
)
def test_the_end_has_the_jobs_own_reason_and_exit_code(
    described: dict[str, Any], reason: str, code: int
) -> None:
    ended, _ = running(Jobs(described))
    assert (ended.reason, ended.exit_code) == (reason, code)


def test_last_words_are_sentences_and_no_stack_traces() -> None:
    logs = Logs(
        "26/11/27 INFO SparkContext: Running Spark",
        "semscore: set aside a.parquet: no parquet",
        "py4j.protocol.Py4JJavaError: An error occurred\n\tat org.apache.Error.x(Y.java:1)",
        "26/11/27 ERROR YarnScheduler: Lost executor 3: Container killed by YARN, exit code 137",
        "discover_gpus: 1 GPU requested, but none can be used",
        "    ... 12 more",
    )
    assert last_words(logs, "j") == [
        "semscore: set aside a.parquet: no parquet",
        "py4j.protocol.Py4JJavaError: An error occurred",
        "26/11/27 ERROR YarnScheduler: Lost executor 3: Container killed by YARN, exit code 137",
        "discover_gpus: 1 GPU requested, but none can be used",
    ]


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_without_logs_there_are_no_words(code: str) -> None:
    assert last_words(Logs(error=code), "j") == []


def test_a_failed_job_ends_the_command_with_the_runs_exit_code(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Ended("Failed", "the model failed on 7 rows (exit code 4)", 4)
    monkeypatch.setattr(module, "follow", lambda *_: ended)
    monkeypatch.setattr(module, "last_words", lambda *_: ["semscore: seven rows"])
    assert launch("--job-name", "j") == 4
    assert (
        "job j failed: the model failed on 7 rows (exit code 4); last lines of its log:"
        in caplog.text
    )
    assert "\n  semscore: seven rows" in caplog.text


@pytest.mark.parametrize("is_trial", [False, True])
def test_a_finished_job_ends_with_the_summary(
    aws: Any, launch: Command, capsys: pytest.CaptureFixture[str], is_trial: bool
) -> None:
    """moto's jobs are complete at once; their dataset is put there by the test."""
    audit = {"rows_in": 3, "rows_out": 3, "where": None, "limit": None, "skipped_files": []}
    manifest = {"rows": 3, "bytes": 9, "files": [], "audit": audit}
    run = {
        "v": VERSION,
        "recipe": {"model": "m", "precision": "bfloat16"},
        "precision": {"asked": "bfloat16"},
        "model_sha256": "0" * 64,
    }
    progress = {"state": "stopped", "reason": "stopped (--max-units is reached): 3 of 9 rows"}
    contents = {ledger.MANIFEST: manifest, ledger.RUN: run, ledger.PROGRESS: progress}
    if is_trial:
        del contents[ledger.MANIFEST]
    for name, content in contents.items():
        body = json.dumps(content).encode()
        aws.client("s3").put_object(Bucket="output", Key=f"scored/{name}", Body=body)
    assert launch() == 0
    printed = capsys.readouterr().out
    outcome = f"{progress['reason']}. To score the rest, use --mode resume"
    assert (outcome if is_trial else "audit: 3 rows in, 3 rows out") in printed
    assert "model: m, SHA-256 000000000000; bi-encoder, precision bfloat16\n" in printed


@pytest.mark.parametrize(
    ("answers", "stopped", "left"),
    [(["leave"], False, True), (["follow"], False, False), (["stop"], True, False)],
)
def test_ctrl_c_asks(
    answers: list[str],
    stopped: bool,
    left: bool,
    aws: Any,
    launch: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After `stop` it is followed on, to its end, as after `follow`."""
    ends: Iterator[Exception] = iter(
        [KeyboardInterrupt(), JobFailed("j", Ended("Stopped", "", 75), [])]
    )

    def wait(*_: object) -> None:
        raise next(ends)

    stops: list[str] = []
    monkeypatch.setattr(module, "wait", wait)
    monkeypatch.setattr(module, "stop", lambda _, name, __: stops.append(name))
    monkeypatch.setattr(shown.sys, "stdin", type("T", (), {"isatty": lambda _: True})())
    monkeypatch.setattr(shown.Prompt, "ask", lambda *_, **__: answers[0])
    assert launch("--job-name", "j") == (0 if left else 75)
    assert stops == (["j"] if stopped else [])


def test_ctrl_c_without_a_terminal_leaves_the_job_running(
    aws: Any, launch: Command, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wait(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "wait", wait)
    monkeypatch.setattr(shown.sys, "stdin", io.StringIO())
    with caplog.at_level(logging.INFO, "semscore"):
        assert launch("--job-name", "j") == 0
    assert "job j keeps running" in caplog.text


def test_a_missing_column_is_found_before_anything_is_paid_for(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_pairs(3, 2, "text1", "title")
    assert launch("--no-wait") == 2
    assert "column 'text2' not found" in caplog.text
    assert aws.jobs == []


def test_more_instances_than_work_is_pointed_out(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    assert launch("--instances", "3", "--no-wait") == 0
    assert "INPUT has only 20 rows, enough for 1 task at a time, but 3 instances can" in caplog.text
    assert len(aws.jobs) == 1, "the job is still created"


def test_an_input_that_cannot_be_seen_from_here_is_left_to_the_job(
    aws: Any, launch: Command, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semscore.udfs.stores.folder import StorageError

    def denied(*_: object) -> None:
        raise StorageError("s3a://input/pairs: these AWS credentials are denied access")

    monkeypatch.setattr(module, "read_source", denied)
    assert launch("--no-wait") == 0
    assert "INPUT was not checked, because this machine cannot read it" in caplog.text
