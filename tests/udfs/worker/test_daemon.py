"""The daemon that workers fork from: everything imported, nothing started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys, threading
from semscore.udfs.worker.daemon import preload
preload()
native = os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else []
print(json.dumps([sorted(sys.modules), threading.active_count(), len(native)]))
"""


def modules_after_preload(**more: str) -> tuple[set[str], int, int]:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | more, capture_output=True, check=True
    )
    modules, threads, native = json.loads(ran.stdout)
    return set(modules), threads, native


def test_what_every_worker_needs_is_imported_and_no_thread_runs() -> None:
    modules, threads, native = modules_after_preload()
    assert {
        "pandas",
        "pyarrow",
        "openvino",
        "tokenizers",
        "semscore.udfs.worker.resident",
    } <= modules
    assert "torch" not in modules
    assert threads == 1
    alone = subprocess.run(  # NumPy and Arrow have threads of their own, and survive the fork
        [sys.executable, "-c", "import os, pandas; print(len(os.listdir('/proc/self/task')))"],
        capture_output=True,
        check=False,
    )
    if Path("/proc/self/task").is_dir():
        assert native == int(alone.stdout)


def test_more_can_be_named_and_what_is_missing_is_left_out() -> None:
    modules, _, _ = modules_after_preload(SEMSCORE_PRELOAD="colorsys,no_such_module")
    assert "colorsys" in modules


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_local_workers_fork_from_it(spark: object) -> None:
    context = spark.sparkContext  # type: ignore[attr-defined]

    def parent(_: object) -> bytes:
        return Path(f"/proc/{os.getppid()}/cmdline").read_bytes()

    [command] = context.parallelize([None], 1).map(parent).collect()
    assert b"semscore.udfs.worker.daemon" in command
