"""Check the shell's variables about Spark and Python."""

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
    """Report the settings in variables that a local run ignores; a cluster uses them."""
    if local and (ignored := unheeded(os.environ)):
        found, _, fix = ignored.partition("; ")
        yield Finding(NAME, "warn", found, fix)
    elif local:
        yield Finding(NAME, "ok", "a local run starts its own Spark, with this Python")
    else:
        names = [name for name in (PYTHON, "SPARK_HOME", "SPARK_CONF_DIR") if name in os.environ]
        yield Finding(NAME, "ok", f"variables for the cluster: {', '.join(names) or 'none'}")
    if not user_name():
        yield Finding(
            NAME,
            "ok",
            f"user {os.getuid()} has no name on this system, so {stand_in()} is used",
        )


def check_worker_python(local: bool) -> Iterator[Finding]:
    """Check the version of the Python that PYSPARK_PYTHON names; executors may have another."""
    python = os.environ.get(PYTHON)
    if local or not python:
        return
    ours = platform.python_version()
    theirs = _version(python)
    fix = f"correct {PYTHON}, or unset it"
    if theirs is None:
        found = f"{PYTHON} ({python}) does not start on this host; executors need it on their hosts"
        yield Finding("worker python", "warn", found, fix)
    elif theirs.split(".")[:2] != ours.split(".")[:2]:
        found = (
            f"{PYTHON} ({python}) is Python {theirs}, but this is Python {ours}: Spark needs the "
            "same minor version"
        )
        yield Finding("worker python", "fail", found, fix)
    else:
        yield Finding("worker python", "ok", f"{theirs} ({python})")


def _version(python: str) -> str | None:
    """Return the version that a Python prints; None if it does not start."""
    command = [shutil.which(python) or python, "-c", ASK]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
