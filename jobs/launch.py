"""A run as a SageMaker processing job, from settings to the finished dataset.

    from semscore.jobs.launch import Launch, make_processor, run_arguments

The way: settings -> configuration, code, arguments -> request, checked -> submitted -> followed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.listing import CountedFile
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import read_source
from semscore.jobs.dataset.tables import require_no_table
from semscore.jobs.dataset.units import group_files, unit_scale
from semscore.jobs.processing_job.configuration import Classification
from semscore.jobs.processing_job.follow import POLL_S, Ended, follow, last_words
from semscore.jobs.processing_job.launch_options import Launch as Launch
from semscore.jobs.processing_job.model_at_launch import check_model_here, look_at_model
from semscore.jobs.processing_job.processor import make_processor as make_processor
from semscore.jobs.processing_job.processor import make_session, size_job
from semscore.jobs.processing_job.processor import run_arguments as run_arguments
from semscore.jobs.processing_job.rehearsal import ANYBODY, Rehearsal
from semscore.jobs.processing_job.service_limits import check_request
from semscore.jobs.run.result import Result, read_result
from semscore.udfs.errors import JobError, UserError
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.registry import Storage

if TYPE_CHECKING:
    from sagemaker.core.helper.session_helper import Session

    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Rehearsed:
    """What would be sent."""

    request: dict[str, Any]  # of CreateProcessingJob
    configuration: list[Classification]


def launch(job: Launch, settings: Settings) -> Result:
    """Create the job and follow it to its end: what is then in OUTPUT.

    Raises UserError for what the job or SageMaker would refuse, before anything runs; JobFailed
    with the job's own reason, exit code and last log lines.
    """
    if job.input_mode == "s3":
        look_at_input(job, settings)
    session = make_session(job)
    return wait(job, settings, submit(job, settings, session), session)


def rehearse(launch: Launch, settings: Settings) -> Rehearsed:
    """The job as it would be created; needs no AWS.

    Raises UserError for what SageMaker would refuse, and for a model on this machine that the job
    would.
    """
    check_model_here(settings.recipe)
    region = launch.region or _region() or "us-east-1"
    there = Rehearsal(region, launch.role.split(":")[4] or ANYBODY)
    session = make_session(launch, there.session)
    with tempfile.TemporaryDirectory(prefix="semscore-") as folder:
        arguments = run_arguments(launch, settings, region, Path(folder), take_model=False)
        make_processor(launch, session).run(**arguments)
    assert there.request is not None
    check_request(there.request)
    return Rehearsed(there.request, arguments["configuration"])


def submit(launch: Launch, settings: Settings, session: Session | None = None) -> str:
    """Create the job; its name.

    Raises UserError for what SageMaker would refuse, or has, and for a model that the job would
    refuse; then nothing runs.
    """
    session = session or make_session(launch)
    rehearse(launch, settings)
    with tempfile.TemporaryDirectory(prefix="semscore-") as folder:
        arguments = run_arguments(launch, settings, session.boto_region_name, Path(folder))
        look_at_model(settings)
        processor = make_processor(launch, session)
        try:
            processor.run(**arguments)
        except ClientError as error:
            raise UserError(_refused(error)) from error
        except BotoCoreError as error:
            raise JobError(f"AWS cannot be reached: {' '.join(str(error).split())}") from error
        return str(processor._current_job_name)


def look_at_input(launch: Launch, settings: Settings) -> None:
    """Find what the job would find minutes later: missing columns, too little to do.

    Raises UserError; where INPUT cannot be read from here, says so and leaves it to the job.
    """
    try:
        storage = Storage()
        require_no_table(storage.folder(settings.output))
        skip = settings.rows.bad_files == "skip"
        reads = columns_read(settings.columns, settings.target.partition_by, settings.rows.where)
        source = read_source(settings.inputs, skip, storage, reads)
    except (StorageError, UserError) as error:
        if "access is denied" not in str(error) and "credentials" not in str(error):
            raise
        log.warning("INPUT is not looked at from here: %s", error)
        return
    plan_columns(source, settings.columns, settings.target.partition_by)
    if len(source.counts) < len(source.files):
        return  # so many files that there is enough for all
    executors = size_job(launch, settings)
    scale = unit_scale(executors.slots, executors.task_rows)
    files = source.counted(source.files, storage)
    units = list(group_files((file for file in files if isinstance(file, CountedFile)), scale))
    pieces = sum(unit.row_groups for unit in units)
    if len(units) < launch.instances or pieces < executors.slots:
        log.warning(
            "INPUT is %s rows in %d units of work with %d row groups, and %d instances compute %d "
            "pieces at once: fewer instances may cost less and take no longer",
            f"{source.rows:,}",
            len(units),
            pieces,
            launch.instances,
            executors.slots,
        )


def wait(
    launch: Launch,
    settings: Settings,
    job: str,
    session: Session | None = None,
    tell: Callable[[str], None] = log.info,
    poll_s: float = POLL_S,
) -> Result:
    """Follow a job to its end; what is then in OUTPUT.

    Raises JobFailed with the job's own reason, exit code and last log lines.
    """
    session = session or make_session(launch)
    output = Storage().folder(settings.output)
    writes = output if launch.input_mode == "s3" else None
    ended = follow(session.sagemaker_client, job, writes, tell, poll_s)
    if not ended.is_complete:
        logs = session.boto_session.client("logs")
        raise JobFailed(job, ended, last_words(logs, job))
    return read_result(output)


def stop(launch: Launch, job: str, session: Session | None = None) -> None:
    """Ask SageMaker to stop a job; the run ends in good order, resumable."""
    session = session or make_session(launch)
    session.sagemaker_client.stop_processing_job(ProcessingJobName=job)


class JobFailed(JobError):
    """A processing job did not complete; its exit code is the run's."""

    def __init__(self, job: str, ended: Ended, log_lines: list[str]) -> None:
        lines = "".join(f"\n  {line.strip()}" for line in log_lines)
        words = f"; its last words:{lines}" if lines else ""
        super().__init__(f"job {job} {ended.state.lower()}: {ended.reason}{words}")
        self.exit_code = ended.exit_code


def _region() -> str | None:
    import boto3

    try:
        region: str | None = boto3.Session().region_name
    except BotoCoreError:  # such as a profile that is not there
        return None
    return region


def _refused(error: ClientError) -> str:
    """What AWS said, and what to do about it where that is known."""
    code = error.response.get("Error", {}).get("Code", "")
    said = error.response.get("Error", {}).get("Message", str(error)).rstrip(".")
    known = {
        "ResourceLimitExceeded": "ask for a higher quota (Service Quotas, SageMaker, 'for "
        "processing job usage'), or take fewer or other instances",
        "AccessDenied": "conf/iam/launcher.json has the rights that launching takes",
        "AccessDeniedException": "conf/iam/launcher.json has the rights that launching takes",
        "ResourceInUse": "a job of this --job-name exists; give another",
    }
    hint = f"; {known[code]}" if code in known else ""
    return f"{error.operation_name} was refused ({code}): {said}{hint}"
