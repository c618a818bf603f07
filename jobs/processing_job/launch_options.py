"""What a SageMaker processing job is to be: the options of `semscore launch`, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cyclopts import Group, Parameter

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.types import Flag, Names
from semscore.udfs.errors import UserError
from semscore.udfs.stores.s3 import is_s3

JOB = Group("SageMaker job", sort_key=-1)
SECRET = re.compile(r"(access\.key|secret\.?key|session\.token|password|token|credential)s?$", re.I)
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


@Parameter(name="*", group=JOB)
@dataclass(frozen=True, kw_only=True)
class Launch:
    """A processing job, beside the settings of the run that it is for.

    Raises UserError for values that cannot be.
    """

    role: str
    """ARN of the IAM role that the job takes (conf/iam/job.json)."""
    instance_type: str
    """Type of the instances, such as ml.g5.2xlarge."""
    image_uri: str
    """Image that container/build_and_push.sh has pushed."""
    instances: int = 1
    """Instances of that type."""
    job_name: str | None = None
    """Name of the job; unset: semscore and the time."""
    region: str | None = None
    """AWS region; unset: that of the AWS settings here."""
    volume_size: int = 100
    """GB of disk of each instance."""
    max_runtime: int = 86_400
    """Seconds after which SageMaker ends the job; the run ends before that by itself, resumable."""
    input_mode: Literal["s3", "file"] = "s3"
    """s3: Spark reads INPUT and writes OUTPUT on S3; file: SageMaker copies INPUT to the one
    instance before, and OUTPUT to S3 at the end."""
    code_location: str | None = None
    """s3:// folder for what is submitted; unset: SageMaker's default bucket."""
    event_logs: str | None = None
    """s3:// folder for Spark's event logs."""
    subnets: Names = ()
    """Subnets of a VPC, comma separated; with --security-group-ids."""
    security_group_ids: Names = ()
    """Security groups, comma separated."""
    kms_key: str | None = None
    """KMS key for all that is written to S3."""
    volume_kms_key: str | None = None
    """KMS key for the instances' disks."""
    encrypt_inter_container: Flag = False
    """Encrypt what instances send each other; slower."""
    network_isolation: Flag = False
    """No network at all; only with --input-mode file."""
    tags: Names = ()
    """key=value, comma separated."""

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
            raise UserError("--subnets and --security-group-ids go together; give both, or none")
        for name in ("code_location", "event_logs"):
            place = getattr(self, name)
            if place is not None and not re.match(r"s3://[^/]+/[^/]", place):
                raise UserError(
                    f"--{name.replace('_', '-')} must be s3://BUCKET/FOLDER, got {place!r}"
                )
        bad = [tag for tag in self.tags if tag.find("=") < 1]
        if bad:
            raise UserError(f"--tags takes key=value,…, got {bad[0]!r}")

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags in the API's form."""
        pairs = (tag.split("=", 1) for tag in self.tags)
        return [{"Key": key, "Value": value} for key, value in pairs]


def check_together(launch: Launch, settings: Settings) -> None:
    """Raise UserError where the job cannot serve the run, with the reason."""
    secret = [key for key in settings.spark.pairs if SECRET.search(key)]
    if secret:
        raise UserError(
            f"--conf {secret[0]} would put a credential into the job's configuration on S3; give "
            "the role of the job (--role) the rights instead"
        )
    for place in (*settings.inputs, settings.output):
        if not is_s3(place):
            raise UserError(f"{place} is not on S3: a SageMaker job reads and writes s3://BUCKET/…")
    if launch.input_mode == "s3":
        if launch.network_isolation:
            raise UserError(
                "--network-isolation leaves Spark no way to S3; take --input-mode file, or a VPC "
                "without a way out: --subnets, --security-group-ids"
            )
        return
    if launch.instances != 1:
        raise UserError(
            f"--input-mode file is for one instance, got {launch.instances}: Spark's driver "
            "sees only the files on its own node, so those copied to the others would be missed. "
            "--input-mode s3, the default, has all instances read S3, with nothing to shard"
        )
    if settings.target.mode == "resume":
        raise UserError(
            "--input-mode file cannot resume: what an earlier job has written is on S3, not in its "
            "container. Take --input-mode s3"
        )
    if len(settings.inputs) != 1:
        raise UserError(f"--input-mode file takes one INPUT, got {len(settings.inputs)}")
