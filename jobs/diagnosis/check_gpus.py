"""GPUs: does torch's build go with the driver and the model of GPU?"""

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

# NVIDIA's rule of minor version compatibility: what a major version of CUDA is built for runs on
# all drivers from this one.
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
CUDA_BUILD = "pip install torch --index-url https://download.pytorch.org/whl/cu126"


def check_gpus(device: Device, local: bool) -> Iterator[Finding]:
    """What this host shows, and whether torch can use it.

    `local`: workers take what GPUs they see. Raises UserError if nvidia-smi does not work.
    """
    if device == "cpu":
        yield Finding("gpus", "ok", "not used: --device cpu")
        return
    host = this_host()
    torch, cuda = torch_build()
    kind = f"{host.gpus} x {host.gpu.name if host.gpu else 'a model that is not known'}"
    if not host.gpus and device == "gpu" and local:
        yield Finding(
            "gpus",
            "fail",
            "--device gpu, and nvidia-smi and CUDA_VISIBLE_DEVICES show no GPU here",
            "repair the driver, or say --device auto",
        )
    elif not host.gpus:
        yield Finding("gpus", "ok", f"none on this host; torch {torch}")
    elif pretended():
        yield Finding("gpus", "ok", f"{host.gpus} pretended (SEMSCORE_FAKE_GPUS)")
    elif cuda is None:
        yield Finding(
            "gpus",
            "fail" if local else "warn",  # elsewhere Spark may schedule none
            f"{kind}, and torch {torch} is a build for CPUs",
            f"{CUDA_BUILD}, or say --device cpu",
        )
    else:
        if host.gpu:
            check_cuda(host.gpu, cuda)
        yield _driver(f"{kind}, torch {torch} for CUDA {cuda}", cuda)


def torch_build() -> tuple[str, str | None]:
    """torch's version, and that of CUDA which it is built for; without importing it.

    That takes seconds, and its file of versions imports nothing.
    """
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return "(missing)", None
    facts = runpy.run_path(str(Path(spec.origin).with_name("version.py")))
    return facts["__version__"], facts["cuda"]


def _driver(found: str, cuda: str) -> Finding:
    if not shutil.which("nvidia-smi"):
        return Finding("gpus", "warn", f"{found}; no nvidia-smi says which driver", "install it")
    driver = ask_driver("driver_version")[0]
    least = LEAST_DRIVER.get(int(cuda.split(".")[0]), 0)
    if int(driver.split(".")[0]) >= least:
        return Finding("gpus", "ok", f"{found}, driver {driver}")
    return Finding(
        "gpus",
        "fail",
        f"{found}, which needs driver {least} or later, and this one is {driver}",
        f"update the driver, or take a build of torch for an older CUDA: {CUDA_BUILD}",
    )
