"""The inside of a SageMaker processing job: what a run learns from the service and from our image.

A run also reports to them why it failed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil

from semscore.jobs.hosts.capability import check_cuda
from semscore.jobs.hosts.this_host import this_host
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Device
from semscore.udfs.version import __version__

JOB = Path("/opt/ml/config/processingjobconfig.json")
# With `--input-mode file`, the service puts INPUT into the first and takes OUTPUT from the second.
PLACES = "/opt/ml/processing/data/input", "/opt/ml/processing/data/output"
# Set by our image: a JSON file that says what it was built from, and the file from which
# smspark-submit reads why a run failed.
IMAGE, REASON = "SEMSCORE_IMAGE", "SEMSCORE_REASON_FILE"


def is_inside() -> bool:
    """Return whether this process runs in a processing job's container."""
    return JOB.is_file()


def job_facts() -> dict[str, str] | None:
    """Return the job's name, region and role, as far as the service says; None outside a job."""
    config = _config()
    if config is None:
        return None
    # arn:aws:sagemaker:REGION:ACCOUNT:processing-job/NAME
    arn = str(config.get("ProcessingJobArn") or "").split(":")
    facts = {
        "name": config.get("ProcessingJobName") or arn[-1].rpartition("/")[2],
        "region": arn[3] if len(arn) > 3 else os.environ.get("AWS_REGION"),
        "role": config.get("RoleArn"),
    }
    return {name: str(fact) for name, fact in facts.items() if fact}


def ends_at() -> float | None:
    """Return when the service will end the job, in seconds as time() counts; None outside a job."""
    try:
        limit = float((_config() or {})["StoppingCondition"]["MaxRuntimeInSeconds"])
    except (ValueError, KeyError, TypeError):
        return None
    # The limit counts from before this process started. The container's first process is closest.
    return float(psutil.Process(1).create_time()) + limit


def job_hosts() -> int | None:
    """Return the number of the job's instances, which are all paid for; None outside a job."""
    try:
        return int((_config() or {})["ProcessingResources"]["ClusterConfig"]["InstanceCount"])
    except (ValueError, KeyError, TypeError):
        return None


def _config() -> dict[str, Any] | None:
    """Return what the service says of this job; None outside a job."""
    try:
        config = json.loads(JOB.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def check_image(device: Device) -> None:
    """Raise UserError if our image was built for other code, or its torch not for these GPUs."""
    place = os.environ.get(IMAGE)
    if not place:
        return
    image: dict[str, Any] = json.loads(Path(place).read_text("utf-8"))
    if image["semscore"] != __version__:
        raise UserError(
            f"the image was built for semscore {image['semscore']}, but the job's code is "
            f"semscore {__version__}: install semscore=={image['semscore']} where you launch, or "
            "rebuild the image (container/build_and_push.sh)"
        )
    host = this_host()
    if device == "cpu" or not host.gpus:
        return
    if image["cuda"] is None:
        raise UserError(
            f"this host has GPUs ({host.gpus}), but the image's torch {image['torch']} is a build "
            "for CPUs: build the image with a CUDA build of torch (--torch-index), or use "
            "--device cpu"
        )
    if host.gpu:
        check_cuda(host.gpu, image["cuda"])


def tell_reason(message: str, code: int) -> None:
    """Write the reason for a failure where smspark-submit reads it, for those following the job."""
    if place := os.environ.get(REASON):
        Path(place).write_text(f"{message} (exit code {code})", "utf-8")
