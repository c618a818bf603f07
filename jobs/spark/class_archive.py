"""Spark's Java classes, loaded and checked once, then mapped from a file: starts take 2 s less.

Java's dynamic archive of class data (JEP 350): the second run on a machine writes it when its Java
ends, which nobody waits for; later runs map it. Not the first run, which has enough to make, and is
slowed by some 2 s of noting down its classes. Java itself refuses an archive that does not fit.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import pyspark

from semscore.udfs.stores.cache import cache_folder

SETTLED_S = 10  # a file that has not grown for so long is complete
QUIET = "-Xlog:disable -Xlog:all=error:stderr"  # else Java lists the classes it leaves out


def archive_options(java_home: Path) -> str:
    """Options for Java: to map the archive if there is one, else to make it; none at first."""
    jars = Path(pyspark.__file__).parent / "jars"
    release = java_home / "release"
    if not release.is_file() or not jars.is_dir():
        return ""
    facts = (release.read_text("utf-8"), str(java_home), str(jars), str(jars.stat().st_mtime_ns))
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:24]
    place = cache_folder() / "java"
    archive = place / f"{key}.jsa"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for made in place.glob(f"{key}.*.part"):
            if time.time() - made.stat().st_mtime > SETTLED_S:
                made.replace(archive)
    except OSError:  # not ours to write, or another run was faster
        pass
    if archive.is_file():
        return f"-XX:SharedArchiveFile={archive} {QUIET}"
    seen = place / f"{key}.seen"
    if not os.access(place, os.W_OK) or not seen.exists():
        with suppress(OSError):
            seen.touch()
        return ""
    return f"-XX:ArchiveClassesAtExit={place}/{key}.{os.getpid()}.part {QUIET}"
