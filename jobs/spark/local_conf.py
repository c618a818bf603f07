"""The settings of a Spark that runs in one process on this machine."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import psutil

from semscore.jobs.hosts.conf_file import conf_file
from semscore.jobs.spark.class_archive import archive_options
from semscore.jobs.spark.surroundings import java_options

# With a local master, the driver is also the executor and reads whole row groups into its heap. The
# Python workers, about 1 GB each, need memory outside that heap.
HEAP_SHARE = 3
MIN_HEAP = 2 * 2**30
# Java compiles a method soon, and again, at length, when it has run often. In a run of seconds the
# second time never pays, but takes a quarter of all CPU time. So a method must run 100 times as
# often as usual first. This does not slow long runs: in these, methods run millions of times.
SECOND_COMPILER = {
    "Tier4InvocationThreshold": 500_000,
    "Tier4MinInvocationThreshold": 60_000,
    "Tier4CompileThreshold": 1_500_000,
    "Tier4BackEdgeThreshold": 4_000_000,
}


@cache
def local_conf(java: Path, debug: bool) -> dict[str, str]:
    """Return the settings of a local Spark.

    They are conf/spark-local.conf, a heap that fits this machine, the archive of Java classes, and,
    unless `debug`, a quiet log.
    """
    folder = files("semscore.conf")
    conf = conf_file("spark-local.conf")
    conf["spark.sql.warehouse.dir"] = str(Path(tempfile.gettempdir(), "semscore-warehouse"))
    conf.setdefault("spark.driver.memory", f"{local_heap() // 2**20}m")
    later = [f"-XX:{name}={count}" for name, count in SECOND_COMPILER.items()]
    options = [archive_options(java), *later, *java_options()]
    if not debug:
        with as_file(folder / "log4j2-local.properties") as path:
            options.append(f"-Dlog4j2.configurationFile={path.as_uri()}")
    conf["spark.driver.extraJavaOptions"] = " ".join(filter(None, options))
    return conf


def local_heap() -> int:
    """Return the default heap of a local Spark in bytes: its share of the machine's memory."""
    return max(int(psutil.virtual_memory().total) // HEAP_SHARE, MIN_HEAP)
