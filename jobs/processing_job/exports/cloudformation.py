"""Print a CloudFormation template: the state machine, its schedule, and a role for each."""

from __future__ import annotations

import json
from typing import Any

from semscore.jobs.processing_job.exports.eventbridge import DAILY
from semscore.jobs.processing_job.exports.exported_job import ExportedJob
from semscore.jobs.processing_job.exports.step_functions import state_machine

# Step Functions learns through this rule, which it manages itself, that a job has ended.
RULE = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"


def cloudformation(job: ExportedJob) -> str:
    """Return the template."""
    return json.dumps(template(job), indent=2, ensure_ascii=False) + "\n"


def template(job: ExportedJob) -> dict[str, Any]:
    """Return the template as a document."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Metadata": {"MadeBy": job.command},
        "Description": "Scores a dataset on a schedule, and resumes a run until it is complete",
        "Parameters": {
            "Schedule": {
                "Type": "String",
                "Description": "When the state machine starts",
                "Default": job.options.schedule or DAILY,
            },
            "ScheduleState": {
                "Type": "String",
                "AllowedValues": ["ENABLED", "DISABLED"],
                "Default": "ENABLED",
            },
        },
        "Resources": {
            "StateMachine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": _arn_of("StateMachineRole"),
                    "Definition": state_machine(job),
                },
            },
            "StateMachineRole": _role("states", _rights(job)),
            "DailyRun": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "ScheduleExpression": {"Ref": "Schedule"},
                    "State": {"Ref": "ScheduleState"},
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": {"Ref": "StateMachine"},
                        "RoleArn": _arn_of("ScheduleRole"),
                        "RetryPolicy": {"MaximumRetryAttempts": 3},
                    },
                },
            },
            "ScheduleRole": _role(
                "scheduler", [_allow("states:StartExecution", {"Ref": "StateMachine"})]
            ),
        },
        "Outputs": {"StateMachine": {"Value": {"Ref": "StateMachine"}}},
    }


def _rights(job: ExportedJob) -> list[dict[str, Any]]:
    """Return what the state machine may do."""
    jobs = _sub(f"arn:${{AWS::Partition}}:sagemaker:{_HERE}:processing-job/{job.name}-*")
    actions = ["CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags"]
    passing = _allow("iam:PassRole", job.request["RoleArn"])
    passing["Condition"] = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    rights = [
        _allow([f"sagemaker:{action}" for action in actions], jobs),
        passing,
        _allow(
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            _sub(f"arn:${{AWS::Partition}}:events:{_HERE}:rule/{RULE}"),
        ),
    ]
    if topic := job.options.alarm_topic:
        rights.append(_allow("sns:Publish", topic))
    return rights


_HERE = "${AWS::Region}:${AWS::AccountId}"


def _role(service: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a role that one AWS service may assume for this account."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "run",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
                }
            ],
        },
    }


def _allow(actions: str | list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def _arn_of(resource: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, "Arn"]}
