"""The GPUs of this host that a process may use. Standard library only: see leases.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import takewhile

PATIENCE_S = 30.0  # a driver that has to wake its GPUs takes seconds


def visible_gpus() -> list[str]:
    """Return the addresses of the NVIDIA GPUs that this process may use, or an empty list.

    These are the numbers or names in CUDA_VISIBLE_DEVICES if that is set, otherwise nvidia-smi's
    numbers. Raises OSError or subprocess.SubprocessError if nvidia-smi exists but does not work.
    """
    fake = pretended()
    if fake:
        return fake
    left = narrowed()
    if left is not None:
        return left
    if not shutil.which("nvidia-smi"):
        return []
    return ask_driver("index")


def ask_driver(figures: str) -> list[str]:
    """Query nvidia-smi. Returns one line for each GPU, with these figures, without units.

    Raises OSError or subprocess.SubprocessError if nvidia-smi is missing or does not work.
    """
    answer = subprocess.run(
        ["nvidia-smi", f"--query-gpu={figures}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def narrowed() -> list[str] | None:
    """Return the devices in CUDA_VISIBLE_DEVICES, in CUDA's order, or None if it is not set.

    CUDA ignores everything from -1 on. Some tools set -1 to hide all devices.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else list(takewhile(lambda part: part != "-1", _parts(visible)))


def pretended() -> list[str]:
    """Return the addresses in SEMSCORE_FAKE_GPUS: for tests, GPUs that compute on the CPU."""
    return _parts(os.environ.get("SEMSCORE_FAKE_GPUS", ""))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
