"""What a run learns of the SageMaker job that it runs in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semscore.jobs.hosts import inside_job

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/scores"
ROLE = "arn:aws:iam::111122223333:role/semscore"


@pytest.mark.parametrize(
    ("config", "facts"),
    [
        (
            {"ProcessingJobArn": ARN, "ProcessingJobName": "scores", "RoleArn": ROLE},
            {"name": "scores", "region": "eu-west-1", "role": ROLE},
        ),
        ({"ProcessingJobArn": ARN}, {"name": "scores", "region": "eu-west-1"}),
        ({"RoleArn": ROLE}, {"region": "us-east-2", "role": ROLE}),
    ],
)
def test_name_region_and_role_as_far_as_they_are_known(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, str],
    facts: dict[str, str],
) -> None:
    monkeypatch.setattr(inside_job, "JOB", tmp_path / "config.json")
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert inside_job.job_facts() == facts


@pytest.mark.parametrize("content", [None, "no JSON", "[]"])
def test_elsewhere_there_is_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setattr(inside_job, "JOB", tmp_path / "config.json")
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert inside_job.job_facts() is None
    assert inside_job.ends_at() is None
