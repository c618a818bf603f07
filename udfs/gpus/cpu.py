"""The CPU of this host, as Linux describes it. Elsewhere only its architecture is known."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BFLOAT16 = {"amx_bf16", "avx512_bf16", "bf16"}  # the last one on ARM


def cpu_name() -> str:
    """Return the CPU's model name, or else its architecture."""
    return _first("model name") or platform.machine()


def cpu_flags() -> set[str]:
    """Return the names of the CPU's instruction sets, such as avx512_bf16."""
    return set((_first("flags") or _first("Features")).split())


def has_bfloat16_products() -> bool:
    """Return whether the CPU has instructions for matrix products in bfloat16."""
    return not BFLOAT16.isdisjoint(cpu_flags())


@cache
def _first(key: str) -> str:
    """Return the first value of a key in /proc/cpuinfo, or "" if there is none."""
    try:
        lines = CPUINFO.read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
