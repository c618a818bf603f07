"""Print a run as a Python script that needs only boto3."""

from __future__ import annotations

from string import Template

from semscore.jobs.processing_job.exports.exported_job import ExportedJob
from semscore.jobs.processing_job.exports.python_source import comment, literal

SCRIPT = Template('''\
# Creates a SageMaker processing job, waits until it ends, and ends with the run's exit code. After
# exit code 75, run this script again to score the rest. Made by:
$command

import re
import sys
import time
import uuid

import boto3

REGION = $region
REQUEST = $request


def main() -> int:
    client = boto3.client("sagemaker", region_name=REGION)
    name = f"$name-{uuid.uuid4()}"
    client.create_processing_job(ProcessingJobName=name, **REQUEST)
    print(f"created {name}", flush=True)
    while True:
        job = client.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
            break
        time.sleep(30)
    print(f"{name}: {job['ProcessingJobStatus']} {reason(job)}", flush=True)
    return exit_code(job)


def reason(job: dict) -> str:
    """Return the run's own message, or SageMaker's."""
    return job.get("ExitMessage") or job.get("FailureReason") or ""


def exit_code(job: dict) -> int:
    """Return the run's exit code, which only SageMaker's messages have; 1 if it is unknown."""
    if job["ProcessingJobStatus"] == "Completed":
        return 0
    for field in ("ExitMessage", "FailureReason"):
        if codes := re.findall(r"exit code:? (\\d+)", job.get(field, "")):
            return int(codes[-1])
    return 1


if __name__ == "__main__":
    sys.exit(main())
''')


def boto3_script(job: ExportedJob) -> str:
    """Return the script."""
    return SCRIPT.substitute(
        command=comment(job.command),
        region=literal(job.region),
        request=literal(job.request),
        name=job.name,
    )
