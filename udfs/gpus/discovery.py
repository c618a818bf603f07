"""The GPUs of this host that a process may use. Standard library only: see leases.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import takewhile

PATIENCE_S = 30.0  # a driver that has to wake its GPUs first takes seconds


def visible_gpus() -> list[str]:
    """Addresses of the NVIDIA GPUs that this process may use; none where there are none.

    Those in CUDA_VISIBLE_DEVICES, numbers or names, if that is set, else nvidia-smi's numbers.
    Raises OSError or subprocess.SubprocessError if nvidia-smi is there and does not work.
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
    """What nvidia-smi says of each GPU: a line with these figures, without units.

    Raises OSError or subprocess.SubprocessError if it is not there, or does not work.
    """
    told = subprocess.run(
        ["nvidia-smi", f"--query-gpu={figures}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return [line.strip() for line in told.stdout.splitlines() if line.strip()]


def narrowed() -> list[str] | None:
    """What CUDA_VISIBLE_DEVICES leaves, in the order in which CUDA counts; None: it is not set.

    CUDA ignores what follows -1, by which some tools mean none.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if visible is None else list(takewhile(lambda one: one != "-1", _parts(visible)))


def pretended() -> list[str]:
    """Addresses in SEMSCORE_FAKE_GPUS, for tests: GPUs that are computed on the CPU."""
    return _parts(os.environ.get("SEMSCORE_FAKE_GPUS", ""))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
