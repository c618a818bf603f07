"""Print a run as the definition of a SageMaker Pipeline with one step."""

from __future__ import annotations

import json
from typing import Any

from semscore.jobs.options.arguments import WORDS_FILE
from semscore.jobs.processing_job.exports.exported_job import ExportedJob
from semscore.udfs.errors import UserError

VERSION = "2020-12-01"  # of the form of definitions
# Failures of the service, which are worth a new try. A run's own failures are not repeated.
RETRIES = [
    {
        "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
        "IntervalSeconds": 60,
        "BackoffRate": 2.0,
        "MaxAttempts": 3,
    },
    {
        "ExceptionType": ["SageMaker.CAPACITY_ERROR", "SageMaker.JOB_INTERNAL_ERROR"],
        "IntervalSeconds": 300,
        "BackoffRate": 2.0,
        "MaxAttempts": 5,
    },
]


def pipelines(job: ExportedJob) -> str:
    """Return the definition. INPUT and OUTPUT are parameters of the pipeline.

    Raises UserError if the options are so long that the job gets all arguments in a file.
    """
    application = job.request["AppSpecification"]
    words = application["ContainerArguments"]
    if words[0].startswith(WORDS_FILE):
        raise UserError(
            "--export pipelines: INPUT and OUTPUT can be parameters only if the job has at most "
            "100 arguments of at most 256 characters each. Use fewer or shorter options"
        )
    places = _parameters(job)
    given: list[Any] = [{"Get": f"Parameters.{name}"} for name in places]
    arguments = {
        **job.request,
        "AppSpecification": {
            **application,
            "ContainerArguments": [*given, *words[len(places) :]],
        },
    }
    document = {
        "Version": VERSION,
        "Metadata": {"MadeBy": job.command},
        "Parameters": [
            {"Name": name, "Type": "String", "DefaultValue": place}
            for name, place in places.items()
        ],
        "Steps": [
            {
                "Name": "Score",
                "Type": "Processing",
                "Arguments": arguments,
                "RetryPolicies": RETRIES,
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _parameters(job: ExportedJob) -> dict[str, str]:
    """Return the default values of the parameters: Input, Input2, … and Output."""
    inputs = {f"Input{n if n > 1 else ''}": each for n, each in enumerate(job.inputs, 1)}
    return {**inputs, "Output": job.output}
