"""Precisions and CUDA builds that a GPU model does not support, found before a cluster starts."""

from __future__ import annotations

from semscore.jobs.hosts.instances import Gpu
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Precision

BFLOAT16 = 8.0  # lowest compute capability that has it
CUDA_13 = 7.5  # lowest compute capability that builds for CUDA 13 support
CUDA_12_8, BEFORE_12_8 = (12, 8), 9.0  # builds before 12.8 have kernels up to this capability


def check_precision(gpu: Gpu, precision: Precision) -> None:
    """Raise UserError if a GPU model does not support a precision."""
    if precision == "bfloat16" and gpu.capability < BFLOAT16:
        raise UserError(
            f"--precision bfloat16 needs a GPU with compute capability {BFLOAT16} or higher, and "
            f"{gpu.name} has {gpu.capability}; use float16"
        )
    if precision == "int8":
        raise UserError(
            f"--precision int8 runs on CPUs only, not on {gpu.name}; use float16, or --device cpu"
        )


def check_cuda(gpu: Gpu, cuda: str) -> None:
    """Raise UserError if torch's builds for a CUDA version have no kernels for a GPU model.

    `cuda` is a version as in torch.version.cuda, such as "12.6".
    """
    version = tuple(int(part) for part in cuda.split(".")[:2])
    mismatch = (
        f"{gpu.name} has compute capability {gpu.capability}, but torch for CUDA {cuda} has kernels"
    )
    if version >= (13,) and gpu.capability < CUDA_13:
        raise UserError(
            f"{mismatch} only from {CUDA_13}; use a build for CUDA 12.6 (cu126; torch up to 2.14)"
        )
    if version < CUDA_12_8 and gpu.capability > BEFORE_12_8:
        raise UserError(f"{mismatch} only up to {BEFORE_12_8}; use a build for CUDA 12.8 or later")
