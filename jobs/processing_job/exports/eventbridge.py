"""Print a schedule: a request to CreateSchedule of EventBridge Scheduler."""

from __future__ import annotations

import json
from typing import Any

from semscore.jobs.processing_job.exports.exported_job import ExportedJob

DAILY = "rate(1 day)"
LONGEST_DESCRIPTION = 512  # characters
# EventBridge replaces this in the input of each start.
UNIQUE = "<aws.scheduler.execution-id>"


def eventbridge(job: ExportedJob) -> str:
    """Return the request. It starts --state-machine, if given, otherwise the job itself."""
    options = job.options
    target: dict[str, Any] = {"Arn": options.state_machine, "Input": "{}"}
    if not options.state_machine:
        request = {"ProcessingJobName": f"{job.name}-{UNIQUE}", **job.request}
        target = {
            "Arn": f"arn:{job.partition}:scheduler:::aws-sdk:sagemaker:createProcessingJob",
            "Input": json.dumps(request, ensure_ascii=False),
        }
    document = {
        "Description": f"Made by: {job.command}"[:LONGEST_DESCRIPTION],
        "Name": job.name,
        "ScheduleExpression": options.schedule or DAILY,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            **target,
            "RoleArn": options.schedule_role,
            "RetryPolicy": {"MaximumRetryAttempts": 3},
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
