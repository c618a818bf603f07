"""What a model of GPU cannot compute, said before a cluster is started for it."""

from __future__ import annotations

from semscore.jobs.hosts.instances import Gpu
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Precision

BFLOAT16 = 8.0  # least compute capability
CUDA_13 = 7.5
CUDA_12_8, BEFORE_12_8 = (12, 8), 9.0  # older builds have kernels up to this capability


def check_precision(gpu: Gpu, precision: Precision) -> None:
    """Raise UserError for a precision that a model of GPU does not compute."""
    if precision == "bfloat16" and gpu.capability < BFLOAT16:
        raise UserError(
            f"--precision bfloat16 needs a GPU of compute capability {BFLOAT16}, and {gpu.name} "
            f"has {gpu.capability}; take float16"
        )
    if precision == "int8":
        raise UserError(
            f"--precision int8 runs on CPUs only, not on {gpu.name}; take float16, or --device cpu"
        )


def check_cuda(gpu: Gpu, cuda: str) -> None:
    """Raise UserError if torch's builds for a version of CUDA have no kernels for a model of GPU.

    `cuda` is as torch.version.cuda has it: 12.6.
    """
    version = tuple(int(part) for part in cuda.split(".")[:2])
    found = f"{gpu.name} has compute capability {gpu.capability}, and torch for CUDA {cuda} has"
    if version >= (13,) and gpu.capability < CUDA_13:
        raise UserError(
            f"{found} kernels from {CUDA_13}; take a build for CUDA 12.6 (cu126; torch up to 2.14)"
        )
    if version < CUDA_12_8 and gpu.capability > BEFORE_12_8:
        raise UserError(f"{found} kernels up to {BEFORE_12_8}; take a build for CUDA 12.8 or later")
