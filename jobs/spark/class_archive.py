"""An archive of Spark's loaded and verified Java classes, which makes later starts 2 s faster.

It is Java's dynamic archive of class data (JEP 350). The second run on a machine writes it when its
Java ends, which delays nobody; later runs map it into memory. The first run does not write it: it
has enough other work, and recording its classes would slow it by about 2 s. Java itself refuses
an archive that does not match. An archive takes 150 MB, so those that no run has used for a month,
as of a virtual environment that is gone, are deleted.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import pyspark

from semscore.udfs.stores.cache import cache_folder

SETTLED_S = 10  # a file that has not grown for this long is complete
UNUSED_S = 30 * 86_400
QUIET = "-Xlog:disable -Xlog:all=error:stderr"  # without it, Java lists the classes it leaves out


def archive_options(java_home: Path) -> str:
    """Return Java's options to map the archive, or to write it if there is none.

    Empty on the first run, and where the archive cannot be written.
    """
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
        for written in place.glob(f"{key}.*.part"):
            if _age_s(written) > SETTLED_S:
                written.replace(archive)
        for other in place.iterdir():
            if _age_s(other) > UNUSED_S and other != archive:
                other.unlink()
    except OSError:  # we may not write there, or another run was faster
        pass
    if archive.is_file():
        with suppress(OSError):
            os.utime(archive)
        return f"-XX:SharedArchiveFile={archive} {QUIET}"
    seen = place / f"{key}.seen"
    if not os.access(place, os.W_OK) or not seen.exists():
        with suppress(OSError):
            seen.touch()
        return ""
    return f"-XX:ArchiveClassesAtExit={place}/{key}.{os.getpid()}.part {QUIET}"


def _age_s(file: Path) -> float:
    """Return the seconds since a file was written or, if it is an archive, used."""
    return time.time() - file.stat().st_mtime
