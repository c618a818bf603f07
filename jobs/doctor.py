"""`semscore doctor`: find in seconds what would break or slow a run hours later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.jobs.diagnosis.registry import Subject, checks_of, likely_conf
from semscore.jobs.options.settings import Settings
from semscore.jobs.processing_job.aws_question import AwsQuestion
from semscore.jobs.processing_job.check_aws import aws_checks


@dataclass(frozen=True, kw_only=True)
class Question(Settings):
    """The settings of a run. Without INPUT and OUTPUT, only the machine is checked."""

    inputs: tuple[str, ...] = ()
    output: str = ""

    def _check_places(self) -> None:
        pass


def examine(question: Question) -> Iterator[Finding]:
    """Run all checks that apply, in the order of the registry, and yield their findings."""
    yield from findings(checks_of(Subject(question, likely_conf(question))))


def examine_aws(question: Question, aws: AwsQuestion) -> Iterator[Finding]:
    """Check what a SageMaker job for this run needs from AWS. Change nothing.

    Raises UserError if boto3 is not installed, or if this machine's AWS settings cannot be read.
    """
    yield from findings(aws_checks(aws, question))
