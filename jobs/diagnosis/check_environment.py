"""Variables of the shell that are about Spark and Python: what a run makes of them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.spark.surroundings import stand_in, unheeded, user_name

NAME = "environment"
PYTHON = "PYSPARK_PYTHON"
PATIENCE_S = 20.0
ASK = "import platform; print(platform.python_version())"


def check_environment(local: bool) -> Iterator[Finding]:
    """Which settings in variables a local run leaves out; on a cluster they count."""
    if local and (ignored := unheeded(os.environ)):
        found, _, fix = ignored.partition("; ")
        yield Finding(NAME, "warn", found, fix)
    elif local:
        yield Finding(NAME, "ok", "a local run starts its own Spark, with this Python")
    else:
        given = [name for name in (PYTHON, "SPARK_HOME", "SPARK_CONF_DIR") if name in os.environ]
        yield Finding(NAME, "ok", f"the cluster's, with {', '.join(given) or 'nothing set'}")
    if not user_name():
        yield Finding(
            NAME,
            "ok",
            f"user {os.getuid()} has no name on this system, and is called {stand_in()}",
        )


def check_worker_python(local: bool) -> Iterator[Finding]:
    """Ask the Python that PYSPARK_PYTHON names for its version; executors may have another."""
    given = os.environ.get(PYTHON)
    if local or not given:
        return
    ours = platform.python_version()
    theirs = _version(given)
    fix = f"correct {PYTHON}, or unset it"
    if theirs is None:
        found = f"{PYTHON} ({given}) does not start on this host; executors need it on theirs"
        yield Finding("worker python", "warn", found, fix)
    elif theirs.split(".")[:2] != ours.split(".")[:2]:
        found = f"{PYTHON} ({given}) is Python {theirs}, and this is {ours}: Spark wants the same"
        yield Finding("worker python", "fail", found, fix)
    else:
        yield Finding("worker python", "ok", f"{theirs} ({given})")


def _version(python: str) -> str | None:
    """What a Python says of itself; None: it does not start."""
    command = [shutil.which(python) or python, "-c", ASK]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
