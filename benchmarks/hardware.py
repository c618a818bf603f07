"""Describe this machine: `python -m benchmarks.hardware`."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Collection
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

import psutil

from semscore.udfs.gpus.cpu import cpu_flags, cpu_name

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
# The class of a processor is the first of these whose flag it has.
CLASSES = {
    "amx": "amx_tile",
    "avx512-bf16": "avx512_bf16",
    "avx512-vnni": "avx512_vnni",
    "avx2": "avx2",
}
LIBRARIES = (
    *("numpy", "pandas", "pyarrow", "torch", "transformers", "sentence-transformers"),
    *("openvino", "nncf", "pyspark", "ray", "daft", "semscore"),
)


def describe() -> dict[str, Any]:
    """Return CPU, memory, versions and date, which are saved with each result."""
    return moment() | {
        "cpu": cpu_name(),
        "cores": cores(),
        "flags": [flag for flag in FLAGS if flag in cpu_flags()],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "versions": {"python": platform.python_version()} | _versions(),
    }


def moment() -> dict[str, Any]:
    """Return the date, and the load by other processes before the measurement."""
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return {"date": date, "load": os.getloadavg()[0]}


def processor_class(flags: Collection[str]) -> str:
    """Return the name of the widest instructions that matter here, of the flags of a processor."""
    return next((name for name, flag in CLASSES.items() if flag in flags), "other")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _versions() -> dict[str, str]:
    installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    return {name: installed[name] for name in LIBRARIES if name in installed}


if __name__ == "__main__":
    json.dump(describe(), sys.stdout, indent=1)
