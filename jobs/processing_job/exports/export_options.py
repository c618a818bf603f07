"""The options of `semscore launch` that print a run in the form of another scheduler, checked."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Literal, TypeAlias

from cyclopts import Group, Parameter

from semscore.udfs.errors import UserError

Format: TypeAlias = Literal[
    "airflow", "boto3", "cloudformation", "eventbridge", "pipelines", "stepfunctions"
]
GROUP = Group("Export", sort_key=100)
# Option -> the formats that use it. --export itself is not in it.
USED_BY = {
    "schedule": ("airflow", "cloudformation", "eventbridge"),
    "max_rounds": ("airflow", "cloudformation", "stepfunctions"),
    "alarm_topic": ("cloudformation", "stepfunctions"),
    "state_machine": ("eventbridge",),
    "schedule_role": ("eventbridge",),
}
EVENTBRIDGE_TIME = re.compile(r"(at|cron|rate)\([^()]+\)")
AIRFLOW_TIME = re.compile(r"@[a-z]+|\S+( \S+){4}")
ARNS = {
    "alarm_topic": r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+",
    "state_machine": r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:\S+",
    "schedule_role": r"arn:aws[a-z-]*:iam::\d{12}:role/\S+",
}


@Parameter(name="*", group=GROUP)
@dataclass(frozen=True, kw_only=True)
class Export:
    """How to print a run for another scheduler.

    Raises UserError for invalid values, and for options that the format does not use.
    """

    export: Format | None = None
    """Print the run for this scheduler instead of starting it. Uploads the code, the configuration
    and the model to --code-location first; with --dry-run, nothing is uploaded."""
    schedule: str | None = None
    """When the scheduler starts the run: for EventBridge and CloudFormation rate(1 day) or
    cron(0 2 * * ? *), for Airflow @daily or '0 2 * * *'. Unset: every day."""
    max_rounds: int = 10
    """Number of jobs after which the scheduler gives up, if each ends with exit code 75. A job that
    ends so is resumed by the next one."""
    alarm_topic: str | None = None
    """ARN of an SNS topic, to which the state machine publishes a message if the run fails."""
    state_machine: str | None = None
    """ARN of the state machine that the schedule starts. Unset: it creates the job itself."""
    schedule_role: str | None = None
    """ARN of the role that EventBridge Scheduler assumes; docs/schedules.md lists its rights."""

    def __post_init__(self) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        for name, value in asdict(self).items():
            if value == defaults[name] or name == "export":
                continue
            if self.export not in USED_BY[name]:
                raise UserError(
                    f"{_option(name)} is only for --export {' or '.join(USED_BY[name])}"
                )
            if name in ARNS and not re.fullmatch(ARNS[name], value):
                raise UserError(f"{_option(name)} must be an ARN, {ARNS[name]}, got {value!r}")
        if self.max_rounds < 1:
            raise UserError(f"--max-rounds must be at least 1, got {self.max_rounds}")
        self._check_schedule()
        if self.export == "eventbridge" and not self.schedule_role:
            raise UserError(
                "--export eventbridge needs --schedule-role, the ARN of a role that "
                "scheduler.amazonaws.com may assume; docs/schedules.md lists its rights"
            )

    @property
    def creates_jobs(self) -> bool:
        """Whether the export itself creates the jobs, and so names the files that they need."""
        return self.state_machine is None

    def _check_schedule(self) -> None:
        if self.schedule is None:
            return
        is_airflow = self.export == "airflow"
        form = AIRFLOW_TIME if is_airflow else EVENTBRIDGE_TIME
        if not form.fullmatch(self.schedule):
            expected = "@daily or '0 2 * * *'" if is_airflow else "rate(1 day) or cron(0 2 * * ? *)"
            raise UserError(
                f"--schedule for {self.export} is of the form {expected}, got {self.schedule!r}"
            )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
