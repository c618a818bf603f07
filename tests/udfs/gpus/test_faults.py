"""What an error says of its cause decides what happens to batch, process and device."""

from __future__ import annotations

import pytest
import torch

from semscore.udfs.gpus.faults import Fault, fault_of

SAID = [
    ("memory", torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")),
    (
        "memory",
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ),
    ("memory", RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`")),
    ("memory", RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronous")),
    ("memory", RuntimeError("MPS backend out of memory (MPS allocated: 18.07 GB)")),
    ("memory", RuntimeError("Exception from src/inference: std::bad_alloc")),
    ("memory", MemoryError()),
    ("lost", RuntimeError("CUDA error: uncorrectable ECC error encountered")),
    ("lost", RuntimeError("CUDA error: unspecified launch failure")),
    ("lost", RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling cublasGemmEx")),
    ("lost", RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR")),
    ("lost", RuntimeError("No CUDA GPUs are available".replace("No", "no"))),
    ("poisoned", RuntimeError("CUDA error: device-side assert triggered")),
    ("poisoned", RuntimeError("CUDA error: an illegal memory access was encountered")),
    ("texts", ValueError("the model returned shape (1, 3), expected (1, 2)")),
    ("texts", IndexError("index out of range in self")),
    ("texts", RuntimeError("The size of tensor a (600) must match the size of tensor b (512)")),
]


@pytest.mark.parametrize(("fault", "error"), SAID)
def test_errors_are_told_apart_by_what_they_say(fault: Fault, error: Exception) -> None:
    assert fault_of(error) == fault
