"""Options of `semscore doctor --launch`: those of `semscore launch` that AWS decides on."""

from __future__ import annotations

from dataclasses import dataclass

from cyclopts import Parameter

from semscore.jobs.options.types import Names
from semscore.jobs.processing_job.launch_options import JOB


@Parameter(name="*", group=JOB)
@dataclass(frozen=True, kw_only=True)
class AwsQuestion:
    """The parts of a job that AWS decides on. What is unset is not looked at."""

    role: str | None = None
    """ARN of the IAM role that the job takes."""
    image_uri: str | None = None
    """Image that container/build_and_push.sh has pushed."""
    region: str | None = None
    """AWS region; unset: that of the AWS settings here."""
    code_location: str | None = None
    """s3:// folder for what is submitted."""
    subnets: Names = ()
    """Subnets of a VPC, comma separated."""
