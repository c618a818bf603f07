#!/usr/bin/env python3
"""Report to Spark which GPUs an executor, or a standalone worker, has. Each gets its own GPUs.

    spark.executor.resource.gpu.discoveryScript  /opt/semscore/discover_gpus.py

Prints Spark's JSON. SEMSCORE_GPUS_PER_EXECUTOR sets the number of GPUs (default 1). They are leased
until the calling process ends; if you run this by hand, that is your shell. Exit code 2: the
setting is wrong; 1: the host has no free GPU, or none that works. The reason is on stderr.

Needs discovery.py and leases.py of semscore/udfs/gpus in the same folder, and Python 3.9. Needs no
packages.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Print the GPUs of the executor and return the exit code."""
    count = os.environ.get("SEMSCORE_GPUS_PER_EXECUTOR") or "1"
    if not count.isdecimal() or int(count) < 1:
        return fail(2, f"SEMSCORE_GPUS_PER_EXECUTOR must be a whole number from 1, got {count!r}")
    discovery, leases = load("discovery"), load("leases")
    try:
        addresses = discovery.visible_gpus()
    except subprocess.CalledProcessError as error:
        output = " ".join(f"{error.stdout} {error.stderr}".split())  # errors are mostly on stdout
        return fail(
            1, f"nvidia-smi does not work on this host (exit code {error.returncode}): {output}"
        )
    except (OSError, subprocess.SubprocessError) as error:
        return fail(1, f"nvidia-smi does not work on this host: {error}")
    if not addresses:
        return fail(
            1,
            "no GPU for this process: nvidia-smi is not on the PATH or lists none, or "
            "CUDA_VISIBLE_DEVICES is empty",
        )
    try:
        chosen = leases.lease(addresses, int(count), executor())
    except leases.LeaseError as error:
        return fail(1, str(error))
    json.dump({"name": "gpu", "addresses": chosen}, sys.stdout)
    return 0


def executor() -> int:
    """Return the pid of the nearest Java above this process, otherwise of its parent.

    Spark starts the script itself, so its parent is the executor. If a site wraps it in a shell
    script, the parent ends at once, and the lease would end with it.
    """
    pid = os.getppid()
    while pid > 0:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:  # no /proc, or we may not read it
            break
        before, _, after = stat.rpartition(")")
        if before.partition("(")[2] == "java":
            return pid
        pid = int(after.split()[1])  # its parent
    return os.getppid()


def load(name: str) -> Any:
    """Load a module from its file, without its package, whose import takes seconds."""
    place = HERE if (HERE / f"{name}.py").exists() else HERE.parent / "udfs" / "gpus"
    spec = importlib.util.spec_from_file_location(name, place / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fail(code: int, reason: str) -> int:
    """Print why there is no GPU; Spark copies the message into the executor's log."""
    sys.stderr.write(f"discover_gpus: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
