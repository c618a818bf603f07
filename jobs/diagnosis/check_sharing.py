"""Check how GPUs are shared: the leases of this host, and Spark's discovery script."""

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
    "use container/discover_gpus.py, with discovery.py and leases.py from udfs/gpus in its folder"
)


def check_leases() -> Iterator[Finding]:
    """Report which of this host's GPUs are held or set aside.

    Raises LeaseError if leases cannot be recorded.
    """
    addresses = visible_gpus()
    if not addresses:
        return
    holders = leases.account(addresses)
    for address in (address for address in addresses if address not in holders):
        yield Finding(
            "gpu leases",
            "warn",
            f"GPU {address} is set aside {leases.quarantined(address)}",
            f"repair it, then remove {leases.quarantine_file(address)}",
        )
    held = [
        f"{address} by {', '.join(str(holder.pid) for holder in processes)}"
        for address, processes in holders.items()
        if processes
    ]
    if holders:
        found = f"GPUs held by processes: {'; '.join(held)}" if held else "all GPUs are free"
        yield Finding("gpu leases", "ok", f"{found}; leases are recorded in {leases.folder()}")
    else:
        yield Finding("gpu leases", "fail", "all GPUs are set aside", "repair at least one of them")


def check_discovery(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Run Spark's discovery script once, as an executor would; its GPUs are free again later."""
    script = conf.get(SCRIPT)
    if script is None or is_local(conf["spark.master"]):
        return
    if not Path(script).is_file():
        yield Finding(
            NAME,
            "warn",
            f"{script} is not on this host; executors need it on all of their hosts",
            f"put it there, or correct {SCRIPT}",
        )
    elif not os.access(script, os.X_OK):
        yield Finding(NAME, "fail", f"{script} is not executable", f"chmod +x {script}")
    elif not visible_gpus():
        yield Finding(NAME, "ok", f"{script} exists; it was not run because this host has no GPU")
    else:
        yield _run(script, conf)


def _run(script: str, conf: Mapping[str, str]) -> Finding:
    """Run the script with the variables that Spark gives to executors, and check its output."""
    prefix = "spark.executorEnv."
    variables = {key.removeprefix(prefix): conf[key] for key in conf if key.startswith(prefix)}
    try:
        ran = subprocess.run(
            [script],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=os.environ | variables,
            check=False,
        )
        answer = json.loads(ran.stdout) if ran.returncode == 0 else None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Finding(NAME, "fail", f"{script}: {error}", USUAL)
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or ["it printed no error"]
        found = f"{script} ended with exit code {ran.returncode}: {lines[-1]}"
        return Finding(NAME, "fail", found, USUAL)
    if not (isinstance(answer, dict) and answer.get("name") == "gpu" and answer.get("addresses")):
        expected = '{"name": "gpu", "addresses": ["0"]}'
        found = f"{script} printed {ran.stdout!r}, expected {expected}"
        return Finding(NAME, "fail", found, USUAL)
    return Finding(NAME, "ok", f"{script} found GPU {', '.join(answer['addresses'])}")
