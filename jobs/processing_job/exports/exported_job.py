"""What every export is made from: the job's request, its files' addresses, and the options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any

from semscore.jobs.options.arguments import differing, option_words
from semscore.jobs.options.settings import Settings
from semscore.jobs.processing_job.exports.export_options import Export
from semscore.jobs.processing_job.launch_options import Launch
from semscore.udfs.errors import UserError

LONGEST_NAME = 26  # characters, so that a UUID fits into a job's name of at most 63
ANY_LAUNCH = Launch(role="arn:aws:iam::000000000000:role/any", instance_type="", image_uri="any")


@dataclass(frozen=True)
class ExportedJob:
    """A processing job to be created by a scheduler, again and again."""

    request: dict[str, Any]  # of CreateProcessingJob, without the job's name
    name: str  # with which each job's name begins
    region: str
    command: str  # that made the export
    inputs: tuple[str, ...]
    output: str
    options: Export

    @property
    def partition(self) -> str:
        """The part of AWS in which the job runs: aws, aws-cn or aws-us-gov."""
        return str(self.request["RoleArn"]).split(":")[1]


def check_exportable(launch: Launch, settings: Settings) -> None:
    """Raise UserError for a run that a scheduler could not start again and again."""
    if launch.code_location is None:
        raise UserError(
            "--export needs --code-location, the s3:// folder in which the scheduled jobs find the "
            "code, the configuration and the model"
        )
    if settings.target.mode == "overwrite":
        raise UserError(
            "--export cannot use --mode overwrite, because each start would delete the results of "
            "the one before. An exported run always has --mode resume"
        )
    if launch.job_name and len(launch.job_name) > LONGEST_NAME:
        raise UserError(
            f"--job-name with --export is the beginning of the jobs' names, and has at most "
            f"{LONGEST_NAME} characters, got {len(launch.job_name)}: {launch.job_name!r}"
        )


def command(launch: Launch, settings: Settings, export: Export) -> str:
    """Return the command that makes an export, with all options that differ from the defaults."""
    words = [
        *differing(replace(launch, env=()), ANY_LAUNCH),
        *(f"--env={variable}" for variable in launch.env),
        *option_words(settings),
        *(f"--conf={setting}" for setting in settings.spark.conf),
        *differing(export, Export()),
    ]
    return shlex.join(["semscore", "launch", *settings.inputs, settings.output, *words])
