"""Classification of errors in a forward pass, which determines how they are handled."""

from __future__ import annotations

import re
from typing import Literal

Fault = Literal["memory", "poisoned", "lost", "texts"]

# The wording of torch, cuBLAS, OpenVINO and Python, because there is no common exception class.
MEMORY = re.compile(
    r"out of memory|can't allocate memory|_ALLOC_FAILED|bad_alloc|failed to alloc", re.I
)
DEVICE = re.compile(
    r"(CUDA|HIP|cuDNN|NCCL|MPS) (driver )?error|CU(BLAS|DNN|SPARSE)_STATUS_|no CUDA"
)
# Faults of a program. Afterwards its process cannot use the device, but others can.
POISONED = re.compile(r"device-side assert|illegal memory access|misaligned address|illegal instr")


class Untrusted(RuntimeError):
    """A library returned the output of another request. This process must not continue."""


def fault_of(error: Exception) -> Fault:
    """Classify an error of a forward pass.

    memory: the batch was too large for the free memory. poisoned: this process can no longer use
    its device. lost: no process can (a bus error, uncorrectable memory errors, a lost driver).
    texts: everything else; the model cannot process the texts.
    """
    if isinstance(error, Untrusted):
        return "poisoned"
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or MEMORY.search(text):
        return "memory"
    if type(error).__name__ == "AcceleratorError" or DEVICE.search(text):
        return "poisoned" if POISONED.search(text) else "lost"
    return "texts"
