"""Inside a SageMaker processing job: what the service and our image tell a run, and are told."""

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
# Where `--input-mode file` has the service put INPUT, and take OUTPUT from.
PLACES = "/opt/ml/processing/data/input", "/opt/ml/processing/data/output"
# Set by our image: a JSON file of what it was built from, and one for smspark-submit to read.
IMAGE, REASON = "SEMSCORE_IMAGE", "SEMSCORE_REASON_FILE"


def is_inside() -> bool:
    """Whether this process is in a processing job's container."""
    return JOB.is_file()


def ends_at() -> float | None:
    """When the service will end the job, as time() has it; None: not inside of one."""
    try:
        condition = json.loads(JOB.read_text("utf-8"))["StoppingCondition"]
        limit = float(condition["MaxRuntimeInSeconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The job's clock began before this process did; its container is as old as its first process.
    return float(psutil.Process(1).create_time()) + limit


def check_image(device: Device) -> None:
    """Raise UserError if the image was not built for this code, or its torch not for these GPUs."""
    place = os.environ.get(IMAGE)
    if not place:
        return
    image: dict[str, Any] = json.loads(Path(place).read_text("utf-8"))
    if image["semscore"] != __version__:
        raise UserError(
            f"the image was built for semscore {image['semscore']}, and the job's code is of "
            f"{__version__}: install semscore=={image['semscore']} where you launch, or build the "
            "image anew (container/build_and_push.sh)"
        )
    host = this_host()
    if device == "cpu" or not host.gpus:
        return
    if image["cuda"] is None:
        raise UserError(
            f"this host has {host.gpus} GPUs, and the image's torch {image['torch']} is for CPUs: "
            "build the image with a CUDA build of torch (--torch-index), or say --device cpu"
        )
    if host.gpu:
        check_cuda(host.gpu, image["cuda"])


def tell_reason(message: str, code: int) -> None:
    """Leave the reason for a failure where smspark-submit takes it from, for whoever follows."""
    if place := os.environ.get(REASON):
        Path(place).write_text(f"{message} (exit code {code})", "utf-8")
