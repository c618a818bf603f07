"""The state machine: well formed, and run by moto's interpreter for each way a job can end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from semscore.jobs.processing_job.service_limits import check_request

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
ROLE = "arn:aws:iam::123456789012:role/machine"
SYNC = "arn:aws:states:::sagemaker:createProcessingJob.sync"
PLAIN = "arn:aws:states:::aws-sdk:sagemaker:createProcessingJob"


@pytest.fixture
def machine(exported: Callable[..., str]) -> dict[str, Any]:
    options = ("--alarm-topic", TOPIC, "--max-rounds", "3", "--region", "eu-central-1")
    return dict(json.loads(exported("stepfunctions", *options)))


def targets(state: Any) -> Iterator[str]:
    """Every state that a state names as the next one."""
    if isinstance(state, dict):
        for key, value in state.items():
            if key in ("Next", "Default"):
                yield value
            elif key != "Parameters":
                yield from targets(value)
    elif isinstance(state, list):
        for each in state:
            yield from targets(each)


@pytest.mark.parametrize("topic", [(), ("--alarm-topic", TOPIC)])
def test_every_state_exists_and_is_reached(
    topic: tuple[str, ...], exported: Callable[..., str]
) -> None:
    machine = json.loads(exported("stepfunctions", *topic))
    reached, ahead = set(), [machine["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += targets(machine["States"][name])
    assert reached == set(machine["States"])
    assert ("arn:aws:states:::sns:publish" in json.dumps(machine)) is bool(topic)


def test_its_request_is_complete(machine: dict[str, Any]) -> None:
    request = dict(machine["States"]["Score"]["Parameters"])
    assert request.pop("ProcessingJobName.$") == "$.job"
    check_request({"ProcessingJobName": "semscore-x", **request})
    assert not [key for key in str(request).split("'") if key.endswith(".$")]


class SageMaker:
    """A client whose jobs end as the test says, one after the other."""

    def __init__(self, *ends: dict[str, str]) -> None:
        self.ends, self.created = iter(ends), list[dict[str, Any]]()
        self.end: dict[str, str] = {}

    def create_processing_job(self, **request: Any) -> dict[str, Any]:
        """As with .sync, a job that does not complete is an error of the state."""
        self.created.append(request)
        self.end = next(self.ends)
        if self.end.get("ProcessingJobStatus") != "Completed":
            raise refused("CreateProcessingJob")
        return {}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        assert ProcessingJobName == self.created[-1]["ProcessingJobName"]
        if not self.end:
            raise refused("DescribeProcessingJob")
        return dict(self.end)


def refused(operation: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "ValidationException", "Message": f"{operation}: no"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "1"},
    }
    return ClientError(answer, operation)


class Topic:
    """A client for SNS that keeps what is published."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []

    def publish(self, **message: str) -> dict[str, str]:
        self.messages.append(message)
        return {"MessageId": "1"}


def run(
    machine: dict[str, Any], jobs: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Run the machine in moto. Returns the execution, and the messages to the topic.

    moto has no createProcessingJob.sync. The plain call, which fails if the job fails, stands in.
    """
    from moto import mock_aws
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import service

    document = json.loads(json.dumps(machine).replace(SYNC, PLAIN))
    document["States"]["Describe"]["Retry"][0]["MaxAttempts"] = 0  # which would take seconds
    topic = Topic()
    home = service.__name__
    for module, client in (("aws_sdk", jobs), ("sns", topic)):
        name = f"{home}.state_task_service_{module}.boto_client_for"
        monkeypatch.setattr(name, lambda *_, client=client, **__: client)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        sfn = boto3.client("stepfunctions", region_name="eu-central-1")
        made = sfn.create_state_machine(name="score", definition=json.dumps(document), roleArn=ROLE)
        started = sfn.start_execution(stateMachineArn=made["stateMachineArn"])
        for _ in range(200):
            execution = sfn.describe_execution(executionArn=started["executionArn"])
            if execution["status"] != "RUNNING":
                return execution, topic.messages
            time.sleep(0.05)
    raise AssertionError("the execution did not end")


def failed(**messages: str) -> dict[str, str]:
    return {"ProcessingJobStatus": "Failed", **messages}


COMPLETED = {"ProcessingJobStatus": "Completed"}
STOPPED_EARLY = failed(ExitMessage="the deadline is over (exit code 75)")


@pytest.fixture
def boto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # moto answers within this process; `nowhere` would see its thread
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")


@pytest.mark.parametrize(
    "first",
    [
        STOPPED_EARLY,
        failed(FailureReason="AlgorithmError: , exit code: 75"),
        failed(FailureReason="the deadline is over (exit code 75)"),
    ],
)
def test_it_resumes_after_75_and_ends_when_a_job_completes(
    first: dict[str, str],
    machine: dict[str, Any],
    boto: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = SageMaker(first, STOPPED_EARLY, COMPLETED)
    execution, messages = run(machine, jobs, monkeypatch)
    assert execution["status"] == "SUCCEEDED", execution
    assert messages == []
    names = [request["ProcessingJobName"] for request in jobs.created]
    assert len(set(names)) == 3
    for request in jobs.created:
        check_request(request)


@pytest.mark.parametrize(
    "end",
    [
        failed(ExitMessage="column text1 not found (exit code 2)"),
        failed(ExitMessage="a (exit code 2)", FailureReason="AlgorithmError: , exit code: 75"),
        failed(ExitMessage="text 'exit code 75' is not a number (exit code 2)"),
        failed(FailureReason="AlgorithmError: , exit code: 2"),
        failed(FailureReason="CapacityError: no instances"),
        failed(),
        {"ProcessingJobStatus": "Stopped", "ExitMessage": "stopped (exit code 75)"},
        {},  # the job could not be created
    ],
)
def test_it_alarms_after_everything_else(
    end: dict[str, str], machine: dict[str, Any], boto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = SageMaker(end)
    execution, [message] = run(machine, jobs, monkeypatch)
    assert execution["status"] == "FAILED"
    assert execution["cause"] == message["Message"]
    assert message["TopicArn"] == TOPIC
    assert jobs.created[0]["ProcessingJobName"] in message["Message"]
    assert len(jobs.created) == 1


def test_it_gives_up_after_the_last_round(
    machine: dict[str, Any], boto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = SageMaker(*[STOPPED_EARLY] * 4)
    execution, [message] = run(machine, jobs, monkeypatch)
    assert execution["status"] == "FAILED"
    assert len(jobs.created) == 3
    assert "ended with exit code 75 in the last round, 3" in message["Message"]
