"""Whose fault an error of the forward pass is: that decides what to do about it."""

from __future__ import annotations

import re
from typing import Literal

Fault = Literal["memory", "poisoned", "lost", "texts"]

# torch's, cuBLAS', OpenVINO's and Python's own words; there is no common class of errors.
MEMORY = re.compile(
    r"out of memory|can't allocate memory|_ALLOC_FAILED|bad_alloc|failed to alloc", re.I
)
DEVICE = re.compile(
    r"(CUDA|HIP|cuDNN|NCCL|MPS) (driver )?error|CU(BLAS|DNN|SPARSE)_STATUS_|no CUDA"
)
# Faults of a program, after which its process cannot use the device, and others can.
POISONED = re.compile(r"device-side assert|illegal memory access|misaligned address|illegal instr")


class Untrusted(RuntimeError):
    """A library gave an output that is not that of the request: this process must not go on."""


def fault_of(error: Exception) -> Fault:
    """Classify an error of a forward pass.

    memory: the batch was too large for what is free. poisoned: this process can no longer use its
    device. lost: nobody can (a bus error, memory that cannot be corrected, a driver gone). texts:
    all else; the model cannot take them.
    """
    if isinstance(error, Untrusted):
        return "poisoned"
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or MEMORY.search(text):
        return "memory"
    if type(error).__name__ == "AcceleratorError" or DEVICE.search(text):
        return "poisoned" if POISONED.search(text) else "lost"
    return "texts"
