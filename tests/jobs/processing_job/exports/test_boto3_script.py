"""The script for boto3 creates a job that the service accepts, and returns the run's exit code."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from semscore.jobs.processing_job.service_limits import check_request

CREATED = {"ProcessingJobArn": "arn:aws:sagemaker:eu-central-1:123456789012:processing-job/j"}


def described(status: str, **messages: str) -> dict[str, Any]:
    """A response of DescribeProcessingJob."""
    return {
        "ProcessingJobName": "j",
        "ProcessingJobArn": CREATED["ProcessingJobArn"],
        "ProcessingJobStatus": status,
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.g5.2xlarge",
                "VolumeSizeInGB": 1,
            }
        },
        "AppSpecification": {"ImageUri": "x"},
        "CreationTime": 0,
        **messages,
    }


@pytest.fixture
def script(exported: Callable[..., str], tmp_path: Path) -> dict[str, Any]:
    """The names that the script defines."""
    file = tmp_path / "run.py"
    file.write_text(exported("boto3", "--region", "eu-central-1"), "utf-8")
    return runpy.run_path(str(file))


def test_its_request_is_complete(script: dict[str, Any]) -> None:
    check_request({"ProcessingJobName": "semscore-x", **script["REQUEST"]})
    assert "--mode=resume" in script["REQUEST"]["AppSpecification"]["ContainerArguments"]
    assert script["REGION"] == "eu-central-1"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (described("Completed"), 0),
        (described("Failed", ExitMessage="the deadline is over (exit code 75)"), 75),
        (described("Failed", FailureReason="AlgorithmError: , exit code: 2"), 2),
        (
            described("Failed", ExitMessage="a (exit code 4)", FailureReason=", exit code: 1"),
            4,
        ),
        (described("Failed", FailureReason="CapacityError"), 1),
        (described("Stopped", ExitMessage="stopped (exit code 75)"), 75),
    ],
)
def test_it_waits_and_returns_the_runs_exit_code(
    end: dict[str, Any], code: int, script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client(
        "sagemaker",
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with Stubber(client) as stub:
        stub.add_response(
            "create_processing_job", CREATED, {"ProcessingJobName": ANY, **script["REQUEST"]}
        )
        stub.add_response("describe_processing_job", described("InProgress"))
        stub.add_response("describe_processing_job", end)
        assert script["main"]() == code
