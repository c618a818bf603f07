"""Check that torch's build works with the driver and the GPU model."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.capability import check_cuda
from semscore.jobs.hosts.this_host import this_host
from semscore.udfs.gpus.discovery import ask_driver, pretended
from semscore.udfs.recipe import Device

# NVIDIA's minor version compatibility: a build for a major version of CUDA runs on all drivers from
# this version on.
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
CUDA_BUILD = "pip install torch --index-url https://download.pytorch.org/whl/cu126"


def check_gpus(device: Device, local: bool) -> Iterator[Finding]:
    """Report this host's GPUs, and whether torch can use them.

    `local`: workers use all GPUs that they see. Raises UserError if nvidia-smi does not work, or
    torch has no kernels for the GPU.
    """
    if device == "cpu":
        yield Finding("gpus", "ok", "not used: --device cpu")
        return
    host = this_host()
    torch, cuda = torch_build()
    gpus = f"{host.gpus} x {host.gpu.name if host.gpu else 'unknown GPU'}"
    if not host.gpus and device == "gpu" and local:
        yield Finding(
            "gpus",
            "fail",
            "--device gpu was given, but no GPU was found on this host: nvidia-smi lists none, or "
            "CUDA_VISIBLE_DEVICES hides them",
            "repair the driver, or use --device auto",
        )
    elif not host.gpus:
        yield Finding("gpus", "ok", f"none on this host; torch {torch}")
    elif pretended():
        yield Finding("gpus", "ok", f"{host.gpus} pretended (SEMSCORE_FAKE_GPUS)")
    elif cuda is None:
        yield Finding(
            "gpus",
            "fail" if local else "warn",  # on a cluster, Spark may schedule no GPUs
            f"{gpus}, but torch {torch} is a build for CPUs",
            f"{CUDA_BUILD}, or use --device cpu",
        )
    else:
        if host.gpu:
            check_cuda(host.gpu, cuda)
        yield _driver(f"{gpus}, torch {torch} for CUDA {cuda}", cuda)


def torch_build() -> tuple[str, str | None]:
    """Return torch's version, and the CUDA version that it is built for; None: a build for CPUs.

    Importing torch takes seconds, so its version file is run instead, which imports nothing.
    """
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return "(missing)", None
    facts = runpy.run_path(str(Path(spec.origin).with_name("version.py")))
    return facts["__version__"], facts["cuda"]


def _driver(found: str, cuda: str) -> Finding:
    """Report whether the driver is new enough for a build for this CUDA version."""
    if not shutil.which("nvidia-smi"):
        unknown = "the driver's version is unknown because nvidia-smi was not found"
        return Finding("gpus", "warn", f"{found}; {unknown}", "install nvidia-smi")
    driver = ask_driver("driver_version")[0]
    least = LEAST_DRIVER.get(int(cuda.split(".")[0]), 0)
    if int(driver.split(".")[0]) >= least:
        return Finding("gpus", "ok", f"{found}, driver {driver}")
    return Finding(
        "gpus",
        "fail",
        f"{found}, which needs driver {least} or later, but this host has driver {driver}",
        f"update the driver, or install a build of torch for an older CUDA: {CUDA_BUILD}",
    )
