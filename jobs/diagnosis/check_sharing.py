"""Who gets which GPU: the leases of this host, and the discovery script that hands them out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.scheduling import SCRIPT
from semscore.udfs.gpus import leases
from semscore.udfs.gpus.device import is_local
from semscore.udfs.gpus.discovery import PATIENCE_S, visible_gpus

NAME = "discovery script"
USUAL = (
    "container/discover_gpus.py is one that works, beside discovery.py and leases.py of udfs/gpus"
)


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
    if not Path(script).is_file():
        yield Finding(
            NAME,
            "warn",
            f"{script} is not on this host, and must be on all that executors run on",
            f"put it there, or correct {SCRIPT}",
        )
    elif not os.access(script, os.X_OK):
        yield Finding(NAME, "fail", f"{script} may not be run", f"chmod +x {script}")
    elif not visible_gpus():
        yield Finding(NAME, "ok", f"{script} is there; no GPU here that it could find")
    else:
        yield _run(script, conf)


def _run(script: str, conf: Mapping[str, str]) -> Finding:
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
        return Finding(NAME, "fail", f"{script}: {error}", USUAL)
    if ran.returncode:
        told = ran.stderr.strip().splitlines() or ["it says nothing"]
        return Finding(NAME, "fail", f"{script} ended with {ran.returncode}: {told[-1]}", USUAL)
    if not (isinstance(said, dict) and said.get("name") == "gpu" and said.get("addresses")):
        expected = '{"name": "gpu", "addresses": ["0"]}'
        return Finding(NAME, "fail", f"{script} prints {ran.stdout!r}, expected {expected}", USUAL)
    return Finding(NAME, "ok", f"{script} gives GPU {', '.join(said['addresses'])}")
