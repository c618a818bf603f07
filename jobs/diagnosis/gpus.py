"""GPUs: does torch's build go with driver and GPU, does Spark find them, who has them?"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from semscore.jobs.cluster.capability import check_cuda
from semscore.jobs.cluster.scheduling import SCRIPT
from semscore.jobs.cluster.this_host import this_host
from semscore.jobs.diagnosis.finding import Finding
from semscore.udfs import leases
from semscore.udfs.device import is_local
from semscore.udfs.gpus import PATIENCE_S, pretended, visible_gpus
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
        yield Finding("gpus", "ok", f"none on this host; torch {torch} is for CUDA {cuda or '-'}")
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


def check_leases() -> Iterator[Finding]:
    """Which of this host's GPUs are held or set aside; LeaseError: nobody can keep account."""
    addresses = visible_gpus()
    if not addresses:
        return
    holders = leases.account(addresses)
    for address in (one for one in addresses if one not in holders):
        yield Finding(
            "gpu leases",
            "warn",
            f"GPU {address} is set aside {leases.quarantined(address)}",
            f"repair it, then remove {leases.quarantine_file(address)}",
        )
    held = [f"{one} by {', '.join(str(w.pid) for w in who)}" for one, who in holders.items() if who]
    if holders:
        told = f"GPUs held by processes: {'; '.join(held)}" if held else "all GPUs are free"
        yield Finding("gpu leases", "ok", f"{told}; kept in {leases.folder()}")
    else:
        yield Finding("gpu leases", "fail", "all GPUs are set aside", "repair one of them")


def check_discovery(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Run Spark's discovery script once, as an executor would; its GPUs are free again after."""
    script = conf.get(SCRIPT)
    if script is None or is_local(conf["spark.master"]):
        return
    fix = f"correct {SCRIPT}: container/discover_gpus.py, beside udfs/gpus.py and udfs/leases.py"
    if not Path(script).is_file():
        yield Finding("discovery script", "warn", f"{script} is not on this host, where executors "
                      "need not run, and must be on each of theirs", fix)  # fmt: skip
        return
    if not os.access(script, os.X_OK):
        yield Finding(
            "discovery script", "fail", f"{script} may not be run", f"chmod +x {script}"
        )
        return
    if not visible_gpus():
        yield Finding("discovery script", "ok", f"{script} is there; no GPU here to find with it")
        return
    mark = "spark.executorEnv."
    given = {key.removeprefix(mark): conf[key] for key in conf if key.startswith(mark)}
    try:
        ran = subprocess.run(
            [script],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=os.environ | given,
            check=False,
        )
        said = json.loads(ran.stdout) if ran.returncode == 0 else None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield Finding("discovery script", "fail", f"{script}: {error}", fix)
        return
    if ran.returncode:
        told = ran.stderr.strip().splitlines() or ["it says nothing"]
        yield Finding(
            "discovery script", "fail", f"{script} ended with {ran.returncode}: {told[-1]}", fix
        )
    elif not (isinstance(said, dict) and said.get("name") == "gpu" and said.get("addresses")):
        expected = '{"name": "gpu", "addresses": ["0"]}'
        yield Finding(
            "discovery script", "fail", f"{script} prints {ran.stdout!r}, expected {expected}", fix
        )
    else:
        yield Finding("discovery script", "ok", f"gives GPU {', '.join(said['addresses'])}")


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
    told = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    driver = told.stdout.split()[0]
    least = LEAST_DRIVER.get(int(cuda.split(".")[0]), 0)
    if int(driver.split(".")[0]) >= least:
        return Finding("gpus", "ok", f"{found}, driver {driver}")
    return Finding(
        "gpus",
        "fail",
        f"{found}, which needs driver {least} or later, and this one is {driver}",
        f"update the driver, or take a build of torch for an older CUDA: {CUDA_BUILD}",
    )
