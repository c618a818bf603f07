"""Measure what this machine can do: `python -m benchmarks.hardware`.

The peak of a precision is the fastest of many matrix products, of a size that suits the caches. It
is measured, not a vendor's figure, and an upper limit for any engine on this machine.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

SHAPE = (2048, 768, 3072)  # tokens x hidden size x feed-forward size of a BERT-base layer
SECONDS = 1.5  # of matrix products, for each precision and number of threads
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
LIBRARIES = (
    *("numpy", "pandas", "pyarrow", "torch", "transformers", "sentence-transformers"),
    *("openvino", "nncf", "pyspark", "ray", "daft", "semscore"),
)


def describe() -> dict[str, Any]:
    """Return CPU, memory, peaks, versions and date, which are saved with each result."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpuinfo("model name"),
        "cores": cores(),
        "flags": [flag for flag in FLAGS if flag in _cpuinfo("flags").split()],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "load": os.getloadavg()[0],  # by other processes, before the measurement
        "gemm_gflops": gemm_peaks(),
        "versions": {"python": platform.python_version()} | _versions(),
    }


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def gemm_peaks() -> dict[str, dict[str, float]]:
    """Return precision -> threads -> 10^9 operations per second."""
    import torch

    rows, inner, columns = SHAPE
    a = torch.randint(-128, 127, (rows, inner), dtype=torch.int8)
    b = torch.randint(-128, 127, (inner, columns), dtype=torch.int8)
    products: dict[str, Callable[[], Any]] = {
        "float32": partial(torch.mm, a.float(), b.float()),
        "bfloat16": partial(torch.mm, a.bfloat16(), b.bfloat16()),
        "int8": partial(torch._int_mm, a, b),  # private, but the only int8 product in torch
    }
    before = torch.get_num_threads()
    peaks: dict[str, dict[str, float]] = {precision: {} for precision in products}
    for threads in sorted({1, cores()}):
        torch.set_num_threads(threads)
        for precision, product in products.items():
            rate = 2 * rows * inner * columns / _best_s(product) / 1e9
            peaks[precision][str(threads)] = round(rate, 1)
    torch.set_num_threads(before)
    return peaks


def peak(hardware: dict[str, Any], precision: str) -> float | None:
    """Return the peak of the whole machine in operations per second; None: not measured."""
    rates = hardware["gemm_gflops"].get(precision)
    return max(rates.values()) * 1e9 if rates else None


def _best_s(product: Callable[[], Any]) -> float:
    product()
    best = float("inf")
    end = perf_counter() + SECONDS
    while perf_counter() < end:
        start = perf_counter()
        product()
        best = min(best, perf_counter() - start)
    return best


def _cpuinfo(key: str) -> str:
    """Return the first value of a key in /proc/cpuinfo, or "" if it is missing, as on ARM."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _versions() -> dict[str, str]:
    installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    return {name: installed[name] for name in LIBRARIES if name in installed}


if __name__ == "__main__":
    json.dump(describe(), sys.stdout, indent=1)
