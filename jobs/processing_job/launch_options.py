"""The options of `semscore launch` that describe the SageMaker processing job, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.types import Flag, Names
from semscore.udfs.errors import UserError
from semscore.udfs.stores.s3 import is_s3

JOB = Group("SageMaker job", sort_key=-1)
DAY = 86_400  # seconds
SECRET = re.compile(
    r"(access[._]key([._]id)?|secret[._]?(access[._])?key|password|token|credential)s?$", re.I
)
REGION = "AWS_DEFAULT_REGION"
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


@Parameter(name="*", group=JOB)
@dataclass(frozen=True, kw_only=True)
class Launch:
    """A SageMaker processing job, without the settings of its run.

    Raises:
        UserError: A value is invalid.

    Examples:
        >>> from semscore import Launch
        >>> role = "arn:aws:iam::111122223333:role/semscore-job"
        >>> job = Launch(role=role, instance_type="ml.g5.2xlarge", image_uri="IMAGE", instances=4)
        >>> job.instances
        4
    """

    role: str
    """ARN of the IAM role that the job assumes; conf/iam/job.json has its policy."""
    instance_type: str
    """Instance type, such as ml.g5.2xlarge."""
    image_uri: str
    """URI of the image pushed by container/build_and_push.sh."""
    instances: int = 1
    """Number of instances."""
    job_name: str | None = None
    """Name of the job. Unset: semscore- and the current time."""
    region: str | None = None
    """AWS region. Unset: the region in this machine's AWS settings."""
    volume_size: int = 100
    """Disk of each instance in GB. Types with local disks, such as ml.g5.2xlarge, use those."""
    max_runtime: int | None = None
    """Seconds after which SageMaker ends the job. The run stops before that and can be resumed, so
    --deadline is rarely needed. Unset: 24 hours, or see --past-run."""
    past_run: Names = ()
    """OUTPUT of an earlier run on such instances, or its report.json. --max-runtime is then 1.5
    times the longest time that a plan with its speed predicts, at least an hour. Not used by
    --dry-run, --explain and --export."""
    input_mode: Literal["s3", "file"] = "s3"
    """s3: Spark reads INPUT and writes OUTPUT on S3. file: SageMaker copies INPUT to the single
    instance first, and OUTPUT to S3 at the end."""
    code_location: str | None = None
    """s3:// folder to which `semscore launch` uploads the code, the configuration and the model.
    Unset: SageMaker's default bucket."""
    event_logs: str | None = None
    """s3:// folder for Spark's event logs."""
    subnets: Names = ()
    """Comma-separated subnets of a VPC. Needs --security-group-ids."""
    security_group_ids: Names = ()
    """Comma-separated security groups."""
    kms_key: str | None = None
    """KMS key for everything that is written to S3."""
    volume_kms_key: str | None = None
    """KMS key for the instances' disks."""
    encrypt_inter_container: Flag = False
    """Encrypt the traffic between instances. This makes the job slower."""
    network_isolation: Flag = False
    """Run the job without any network. Only with --input-mode file."""
    tags: Names = ()
    """Comma-separated tags, key=value."""
    env: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=False, show_default=False)
    ] = ()
    """Environment variable of the job's driver, as NAME=VALUE, for example for metrics. Can be
    given several times. Everyone who may describe the job can see it."""

    def __post_init__(self) -> None:
        if self.instances < 1:
            raise UserError(f"--instances must be at least 1, got {self.instances}")
        if not ROLE.fullmatch(self.role):
            raise UserError(
                f"--role must be an ARN, arn:aws:iam::ACCOUNT:role/NAME, got {self.role!r}"
            )
        if not self.image_uri:
            raise UserError(
                "--image-uri is empty; container/build_and_push.sh prints it as its last line"
            )
        if bool(self.subnets) != bool(self.security_group_ids):
            raise UserError("--subnets and --security-group-ids go together; give both, or neither")
        for name in ("code_location", "event_logs"):
            place = getattr(self, name)
            if place is not None and not re.match(r"s3://[^/]+/[^/]", place):
                raise UserError(
                    f"--{name.replace('_', '-')} must be s3://BUCKET/FOLDER, got {place!r}"
                )
        bad = [tag for tag in self.tags if tag.find("=") < 1]
        if bad:
            raise UserError(f"--tags must be key=value,…, got {bad[0]!r}")
        if bad := [variable for variable in self.env if variable.find("=") < 1]:
            raise UserError(f"--env takes NAME=VALUE, got {bad[0]!r}")
        if REGION in self.variables:
            raise UserError(f"--env {REGION}: use --region")

    @property
    def time_limit(self) -> int:
        """The seconds after which SageMaker ends the job."""
        return DAY if self.max_runtime is None else self.max_runtime

    @property
    def variables(self) -> dict[str, str]:
        """`env` as a dictionary."""
        return dict(variable.split("=", 1) for variable in self.env)

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags in the API's form."""
        pairs = (tag.split("=", 1) for tag in self.tags)
        return [{"Key": key, "Value": value} for key, value in pairs]


def check_together(launch: Launch, settings: Settings) -> None:
    """Raise UserError, with the reason, if the job cannot serve the run."""
    secret = [key for key in settings.spark.pairs if SECRET.search(key)]
    if secret:
        raise UserError(
            f"--conf {secret[0]} would put a credential into the job's configuration on S3; grant "
            "the rights to the job's role (--role) instead"
        )
    secret = [name for name in launch.variables if SECRET.search(name)]
    if secret:
        raise UserError(
            f"--env {secret[0]} would show a credential to everyone who may describe the job; "
            "grant the rights to the job's role (--role) instead"
        )
    for place in (*settings.locations, settings.output):
        if not is_s3(place):
            raise UserError(f"{place} is not on S3: a SageMaker job reads and writes s3://BUCKET/…")
    if launch.input_mode == "s3":
        if launch.network_isolation:
            raise UserError(
                "--network-isolation leaves Spark no access to S3; use --input-mode file, or a VPC "
                "without internet access: --subnets, --security-group-ids"
            )
        return
    if launch.instances != 1:
        raise UserError(
            f"--input-mode file is for one instance, got {launch.instances}: Spark's driver sees "
            "only the files on its own node, and would miss those copied to the others. With "
            "--input-mode s3, the default, all instances read from S3"
        )
    if settings.target.mode == "resume":
        raise UserError(
            "--input-mode file cannot resume, because the output of an earlier job is on S3, not "
            "in the container. Use --input-mode s3"
        )
    if len(settings.inputs) != 1:
        raise UserError(f"--input-mode file accepts one INPUT, got {len(settings.inputs)}")
