"""Turn settings into a PySparkProcessor and the arguments of its run()."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from semscore.jobs.failures.wording import counted
from semscore.jobs.hosts.capability import check_precision
from semscore.jobs.hosts.executors import Executors
from semscore.jobs.hosts.inside_job import PLACES
from semscore.jobs.hosts.instances import find_host
from semscore.jobs.hosts.scheduling import check_gpu_settings
from semscore.jobs.hosts.sizing import size
from semscore.jobs.options.arguments import option_words
from semscore.jobs.processing_job import submission
from semscore.jobs.processing_job.configuration import configuration
from semscore.jobs.processing_job.launch_options import REGION, Launch, check_together
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe
from semscore.udfs.stores.s3 import split

if TYPE_CHECKING:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.spark.processing import PySparkProcessor

    from semscore.jobs.options.settings import Settings

FindModel: TypeAlias = Callable[[Recipe, Path], tuple[str, str | None]]

log = logging.getLogger("semscore")

MISSING = "this needs SageMaker's SDK: pip install 'semscore[launch]'"


def require_sdk() -> None:
    """Raise UserError if the SDK is not installed."""
    if find_spec("sagemaker") is None:
        raise UserError(MISSING)


def make_session(launch: Launch, boto_session: Any = None) -> Session:
    """Return the SDK's session, in the job's region, with its code location, without telemetry.

    Raises UserError if the SDK is not installed or no region is known.
    """
    for name in ("sagemaker", "sagemaker.config"):  # otherwise the latter sets its own level
        logging.getLogger(name).setLevel(logging.WARNING)
    log.info("loading SageMaker's SDK")
    require_sdk()
    import boto3
    from botocore.exceptions import BotoCoreError
    from sagemaker.core.helper.session_helper import Session

    try:
        boto_session = boto_session or boto3.Session(region_name=launch.region)
    except BotoCoreError as error:  # for example, a profile that does not exist
        raise UserError(f"AWS settings: {' '.join(str(error).split())}") from error
    if boto_session.region_name is None:
        raise UserError("no AWS region is set: give --region, or set AWS_DEFAULT_REGION")
    bucket, prefix = split(launch.code_location) if launch.code_location else (None, None)
    session = Session(
        boto_session=boto_session, default_bucket=bucket, default_bucket_prefix=prefix or None
    )
    config = deepcopy(session.sagemaker_config or {})
    config.setdefault("SchemaVersion", "1.0")
    modules = config.setdefault("SageMaker", {}).setdefault("PythonSDK", {})
    modules.setdefault("Modules", {})["TelemetryOptOut"] = True
    session.sagemaker_config = config
    return session


def region_here(launch: Launch) -> str:
    """Return the job's region, or us-east-1 if neither an option nor this machine names one."""
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return launch.region or boto3.Session().region_name or "us-east-1"
    except BotoCoreError:  # for example, the profile does not exist
        return "us-east-1"


def make_processor(launch: Launch, session: Session | None = None) -> PySparkProcessor:
    """Return a PySparkProcessor for the job.

    For a ProcessingStep, `session` can be a PipelineSession.

    Raises UserError as make_session does.
    """
    session = session or make_session(launch)
    from sagemaker.core.network import NetworkConfig
    from sagemaker.core.spark.processing import PySparkProcessor

    return PySparkProcessor(
        role=launch.role,
        image_uri=launch.image_uri,
        instance_type=launch.instance_type,
        instance_count=launch.instances,
        volume_size_in_gb=launch.volume_size,
        volume_kms_key=launch.volume_kms_key,
        output_kms_key=launch.kms_key,
        configuration_location=launch.code_location,
        dependency_location=launch.code_location,
        max_runtime_in_seconds=launch.time_limit,
        base_job_name="semscore",
        sagemaker_session=session,
        # For the driver's Python. Executors get it through spark.executorEnv.
        env={REGION: session.boto_region_name, **launch.variables},
        tags=launch.tag_list,
        network_config=NetworkConfig(
            enable_network_isolation=launch.network_isolation,
            encrypt_inter_container_traffic=launch.encrypt_inter_container,
            security_group_ids=list(launch.security_group_ids) or None,
            subnets=list(launch.subnets) or None,
        ),
    )


def run_arguments(
    launch: Launch,
    settings: Settings,
    region: str,
    folder: Path | None = None,
    find_model: FindModel = submission.find_model,
) -> dict[str, Any]:
    """Return the arguments of PySparkProcessor.run for a job with these settings in a region.

    Writes the files to submit to `folder`, which must exist until run() has returned. If unset, a
    temporary folder is made. `find_model` returns the model's name inside the job and the folder to
    submit; by default, a model that is only on the hub is downloaded.

    Raises UserError for settings that the job cannot use.
    """
    check_together(launch, settings)
    folder = folder or Path(tempfile.mkdtemp(prefix="semscore-"))
    executors = size_job(launch, settings)
    archive, entry = submission.write_submission(folder, settings.embeds)
    recipe = settings.recipe
    inside, source = settings, None
    if settings.needs_model:
        name, source = find_model(recipe, folder)
        inside = replace(settings, recipe=replace(recipe, model=name, revision=None))
    places = () if launch.input_mode == "file" else (*settings.locations, settings.output)
    words, files = submission.fit_arguments([*places, *option_words(inside)], folder)
    inputs, outputs = _channels(launch, settings, source)
    conf = settings.spark.pairs
    return {
        "submit_app": str(entry),
        "submit_py_files": [str(archive)],
        "submit_files": [str(file) for file in files] or None,
        "inputs": inputs or None,
        "outputs": outputs or None,
        "arguments": words,
        "configuration": configuration(executors, region, launch.kms_key, conf),
        "spark_event_logs_s3_uri": launch.event_logs,
        "job_name": launch.job_name,
        "kms_key": launch.kms_key,
        "wait": False,
        "logs": False,
    }


def size_job(launch: Launch, settings: Settings) -> Executors:
    """Return the job's executors.

    Raises UserError if the instance type is unknown, too small, or does not fit the settings.
    """
    host = find_host(launch.instance_type)
    if not host.in_processing:
        raise UserError(
            f"SageMaker Processing does not offer {launch.instance_type}. Use another type, or run "
            "the job on EMR, Kubernetes or a cluster of your own (docs/elsewhere.md)"
        )
    if settings.engine.device == "gpu" and not host.gpus:
        raise UserError(f"--device gpu, but {launch.instance_type} has no GPUs")
    if settings.engine.device == "cpu" and host.gpus:
        raise UserError(
            f"--device cpu on {launch.instance_type} would pay for "
            f"{counted(host.gpus, 'idle GPU')}; use a type without GPUs, such as ml.m7i.4xlarge"
        )
    if launch.volume_kms_key and host.local_disks:
        raise UserError(
            f"--volume-kms-key: {launch.instance_type} has local disks that its hardware encrypts, "
            "and SageMaker accepts no key for them; leave the option out"
        )
    if host.gpu:
        check_precision(host.gpu, settings.recipe.precision)
    workers = settings.engine.workers_per_gpu
    executors = size(host, launch.instances, workers, "sagemaker")
    if host.gpus:
        ours = {"spark.executor.resource.gpu.discoveryScript": "", "spark.master": "yarn"}
        check_gpu_settings(executors.spark_conf() | settings.spark.pairs | ours, "gpu")
    return executors


def _channels(launch: Launch, settings: Settings, model: str | None) -> tuple[list[Any], list[Any]]:
    """Return the inputs and outputs that SageMaker copies: a model; in file mode, also the data."""
    from sagemaker.core.processing import ProcessingInput, ProcessingOutput
    from sagemaker.core.shapes import ProcessingS3Input, ProcessingS3Output

    def copied(name: str, uri: str, path: str) -> ProcessingInput:
        return ProcessingInput(
            input_name=name,
            s3_input=ProcessingS3Input(
                s3_uri=uri,
                local_path=path,
                s3_data_type="S3Prefix",
                s3_input_mode="File",
                s3_data_distribution_type="FullyReplicated",
            ),
        )

    inputs = [copied("model", model, submission.MODEL_FOLDER)] if model else []
    if launch.input_mode == "s3":
        return inputs, []
    [source] = settings.inputs
    inputs.append(copied("input", submission.plain(source), PLACES[0]))
    output = ProcessingOutput(
        output_name="output",
        s3_output=ProcessingS3Output(
            s3_uri=submission.plain(settings.output),
            local_path=PLACES[1],
            s3_upload_mode="EndOfJob",
        ),
    )
    return inputs, [output]
