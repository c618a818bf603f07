"""Print a run as a Step Functions state machine that resumes it until it is complete.

States: Begin -> Next round -> Score -> Describe -> How it ended -> Complete. Describe reads the
job's messages, because only they have the run's exit code. 75 leads to Rounds left and back to Next
round, everything else to the alarm.
"""

from __future__ import annotations

import json
from typing import Any

from semscore.jobs.processing_job.exports.exported_job import ExportedJob

State = dict[str, Any]
EXIT_MESSAGE, FAILURE_REASON = "$.described.ExitMessage", "$.described.FailureReason"


def step_functions(job: ExportedJob) -> str:
    """Return the state machine in Amazon States Language."""
    return json.dumps(state_machine(job), indent=2, ensure_ascii=False) + "\n"


def state_machine(job: ExportedJob) -> State:
    """Return the state machine as a document."""
    integration = f"arn:{job.partition}:states::"
    return {
        "Comment": f"Made by: {job.command}",
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Parameters": {"round": 0}, "Next": "Next round"},
            "Next round": {
                "Type": "Pass",
                "Parameters": {
                    "round.$": "States.MathAdd($.round, 1)",
                    "job.$": f"States.Format('{job.name}-{{}}', States.UUID())",
                    "error": {},
                },
                "Next": "Score",
            },
            "Score": {
                "Type": "Task",
                "Resource": f"{integration}:sagemaker:createProcessingJob.sync",
                "Parameters": {"ProcessingJobName.$": "$.job", **job.request},
                "ResultPath": None,
                "Catch": [
                    {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Describe"}
                ],
                "Next": "Describe",
            },
            "Describe": {
                "Type": "Task",
                "Resource": f"{integration}:aws-sdk:sagemaker:describeProcessingJob",
                "Parameters": {"ProcessingJobName.$": "$.job"},
                "ResultPath": "$.described",
                "Retry": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "IntervalSeconds": 5,
                        "MaxAttempts": 3,
                        "BackoffRate": 2,
                    }
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Failed"}],
                "Next": "How it ended",
            },
            "How it ended": _decide(),
            "Rounds left": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Variable": "$.round",
                        "NumericLessThan": job.options.max_rounds,
                        "Next": "Next round",
                    }
                ],
                "Default": "Too many rounds",
            },
            "Too many rounds": _message(
                "Job {} ended with exit code 75 in the last round, {}: {}",
                "$.job, $.round, States.JsonToString($.error)",
            ),
            "Failed": _message(
                "Job {} failed in round {}: {}", "$.job, $.round, States.JsonToString($.error)"
            ),
            "Not failed": _message(
                "Job {} has the status {} in round {}: it was stopped, or is not followed any more",
                "$.job, $.described.ProcessingJobStatus, $.round",
            ),
            **_alarm(job.options.alarm_topic, integration),
            "Complete": {"Type": "Succeed"},
        },
    }


def _decide() -> State:
    """Return the choice by how the job ended. The run's own message counts before SageMaker's.

    A job that somebody stopped is not resumed, even if its run ended with exit code 75.
    """
    resume = "Rounds left"
    status = "$.described.ProcessingJobStatus"
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": status, "StringEquals": "Completed", "Next": "Complete"},
            {"Not": {"Variable": status, "StringEquals": "Failed"}, "Next": "Not failed"},
            {**_says(EXIT_MESSAGE, "*(exit code 75)*"), "Next": resume},
            {**_says(EXIT_MESSAGE, "*exit code *"), "Next": "Failed"},
            {**_says(FAILURE_REASON, "*exit code 75*"), "Next": resume},
            {**_says(FAILURE_REASON, "*exit code: 75*"), "Next": resume},
        ],
        "Default": "Failed",
    }


def _says(variable: str, pattern: str) -> State:
    return {
        "And": [
            {"Variable": variable, "IsPresent": True},
            {"Variable": variable, "StringMatches": pattern},
        ]
    }


def _message(text: str, values: str) -> State:
    """Return a state that makes the alarm's message. `values`: what replaces each {} in it."""
    message = f"States.Format('{text}', {values})"
    return {"Type": "Pass", "Parameters": {"message.$": message}, "Next": "Alarm"}


def _alarm(topic: str | None, integration: str) -> dict[str, State]:
    """Return the last states of a run that failed: a message to the topic, if any, and the end."""
    end = {"Type": "Fail", "Error": "semscore", "CausePath": "$.message"}
    if topic is None:
        return {"Alarm": end}
    return {
        "Alarm": {
            "Type": "Task",
            "Resource": f"{integration}:sns:publish",
            "Parameters": {
                "TopicArn": topic,
                "Subject": "semscore: a run failed",
                "Message.$": "$.message",
            },
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "End"}],
            "Next": "End",
        },
        "End": end,
    }
