"""The other exports, checked against the services' own descriptions of their requests."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from semscore.jobs.processing_job.service_limits import check_request

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:score"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
ROLE = "arn:aws:iam::123456789012:role/scheduler"


def check(service: str, operation: str, request: dict[str, Any]) -> None:
    """Check a request against botocore's description of a service."""
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    validate_parameters(request, shape)
    assert set(request) <= set(shape.members)


def test_a_schedule_creates_jobs_with_names_of_their_own(exported: Callable[..., str]) -> None:
    request = json.loads(exported("eventbridge", "--schedule-role", ROLE))
    check("scheduler", "CreateSchedule", request)
    assert request["ScheduleExpression"] == "rate(1 day)"
    assert request["Target"]["Arn"].endswith(":aws-sdk:sagemaker:createProcessingJob")
    job = json.loads(request["Target"]["Input"])
    unique = "<aws.scheduler.execution-id>"  # such as d32c5kddcf5bb8c3
    assert job["ProcessingJobName"] == f"semscore-{unique}"
    check_request({**job, "ProcessingJobName": "semscore-d32c5kddcf5bb8c3"})


def test_a_schedule_starts_a_state_machine(exported: Callable[..., str]) -> None:
    time = "cron(0 2 * * ? *)"
    options = ("--schedule-role", ROLE, "--state-machine", MACHINE, "--schedule", time)
    request = json.loads(exported("eventbridge", *options))
    check("scheduler", "CreateSchedule", request)
    assert request["ScheduleExpression"] == time
    assert request["Target"]["Arn"] == MACHINE
    assert request["Target"]["Input"] == "{}"


def test_a_long_command_fits_into_a_schedules_description(exported: Callable[..., str]) -> None:
    options = ("--schedule-role", ROLE, "--where", "length(text1) > 3 and " * 40 + "true")
    request = json.loads(exported("eventbridge", *options))
    check("scheduler", "CreateSchedule", request)
    assert len(request["Description"]) == 512


def test_a_pipeline_has_input_and_output_as_parameters(exported: Callable[..., str]) -> None:
    places = ("s3://input/a", "s3://input/b", "s3://output/scored")
    text = exported("pipelines", "--metric", "dot", places=places)
    check(
        "sagemaker",
        "CreatePipeline",
        {
            "PipelineName": "score",
            "RoleArn": ROLE,
            "ClientRequestToken": "x" * 32,
            "PipelineDefinition": text,
        },
    )
    definition = json.loads(text)
    given = {each["Name"]: each["DefaultValue"] for each in definition["Parameters"]}
    assert given == dict(zip(("Input", "Input2", "Output"), places, strict=True))
    [step] = definition["Steps"]
    assert step["Type"] == "Processing"
    words = step["Arguments"]["AppSpecification"]["ContainerArguments"]
    words[:] = [
        given[word["Get"].removeprefix("Parameters.")] if isinstance(word, dict) else word
        for word in words
    ]
    assert words[:3] == list(places)
    assert {"--metric=dot", "--mode=resume"} < set(words)
    assert "ProcessingJobName" not in step["Arguments"], "SageMaker Pipelines names the job"
    check_request({"ProcessingJobName": "pipelines-abc-Score-def", **step["Arguments"]})


@pytest.mark.usefixtures("nowhere")
def test_a_pipeline_with_too_long_options_is_refused(
    launch: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    where = "length(text1) > 3 and " * 20 + "true"
    assert launch("--export", "pipelines", "--where", where, "--dry-run") == 2
    assert "--export pipelines: INPUT and OUTPUT can be parameters only if" in caplog.text


@pytest.mark.parametrize("options", [(), ("--alarm-topic", TOPIC, "--schedule", "rate(7 days)")])
def test_a_template_passes_cfn_lint(options: tuple[str, ...], exported: Callable[..., str]) -> None:
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    text = exported("cloudformation", *options)
    assert [str(found) for found in lint(text, config=ManualArgs(regions=["eu-central-1"]))] == []
    template = json.loads(text)
    machine = template["Resources"]["StateMachine"]["Properties"]["Definition"]
    assert machine == json.loads(exported("stepfunctions", *options[:2])) | {
        "Comment": machine["Comment"]
    }


def test_the_state_machines_role_may_do_what_its_states_do(exported: Callable[..., str]) -> None:
    resources = json.loads(exported("cloudformation", "--alarm-topic", TOPIC))["Resources"]
    [policy] = resources["StateMachineRole"]["Properties"]["Policies"]
    allowed: dict[str, Any] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            allowed[action] = statement["Resource"]
    assert allowed["sns:Publish"] == TOPIC
    assert allowed["iam:PassRole"] == "arn:aws:iam::123456789012:role/semscore-job"
    [jobs] = allowed["sagemaker:CreateProcessingJob"].values()
    assert jobs.endswith(":processing-job/semscore-*")
    assert {"sagemaker:DescribeProcessingJob", "events:PutRule"} <= set(allowed)


def test_a_dag_has_the_request_and_resumes(exported: Callable[..., str]) -> None:
    source = exported("airflow", "--schedule", "0 2 * * *", "--max-rounds", "4")
    tree = ast.parse(source)
    compile(tree, "dag.py", "exec")
    [request] = [
        ast.literal_eval(part.value)
        for part in tree.body
        if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "REQUEST"
    ]
    check_request(request)
    assert "--mode=resume" in request["AppSpecification"]["ContainerArguments"]
    assert 'schedule="0 2 * * *"' in source
    assert "retries=3" in source, "after the first of four rounds"
