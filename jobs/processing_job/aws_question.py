"""Options of `semscore doctor --launch`: the options of `semscore launch` that AWS checks."""

from __future__ import annotations

from dataclasses import dataclass

from cyclopts import Group, Parameter

from semscore.jobs.options.types import Names

AWS = Group("SageMaker job (only with --launch)", sort_key=-1)


@Parameter(name="*", group=AWS)
@dataclass(frozen=True, kw_only=True)
class AwsQuestion:
    """The parts of a job that AWS checks. Unset options are not checked."""

    role: str | None = None
    """ARN of the IAM role that the job assumes."""
    image_uri: str | None = None
    """URI of the image pushed by container/build_and_push.sh."""
    region: str | None = None
    """AWS region. Unset: the region in this machine's AWS settings."""
    code_location: str | None = None
    """s3:// folder for the code, the configuration and the model."""
    subnets: Names = ()
    """Comma-separated subnets of a VPC."""
