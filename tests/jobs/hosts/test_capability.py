"""Precisions and builds of torch that a model of GPU cannot run."""

from __future__ import annotations

from typing import get_args

import pytest

from semscore.jobs.hosts.capability import check_cuda, check_precision
from semscore.jobs.hosts.instances import Gpu, find_host
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Precision


def gpu(name: str) -> Gpu:
    found = find_host(name).gpu
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "precision", "said"),
    [
        ("g4dn.xlarge", "bfloat16", r"capability 8\.0 or higher, and T4 has 7\.5; use float16"),
        ("p3.2xlarge", "bfloat16", r"capability 8\.0 or higher, and V100 has 7\.0; use float16"),
        ("g5.xlarge", "int8", r"CPUs only, not on A10G; use float16, or --device cpu"),
    ],
)
def test_a_precision_that_a_gpu_lacks_is_refused(
    name: str, precision: Precision, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        check_precision(gpu(name), precision)


def test_other_precisions_pass() -> None:
    for name in ("p3.2xlarge", "g4dn.xlarge", "g5.xlarge", "p5.4xlarge"):
        for precision in {*get_args(Precision)} - {"int8", "bfloat16"}:
            check_precision(gpu(name), precision)
    check_precision(gpu("g5.xlarge"), "bfloat16")


@pytest.mark.parametrize(
    ("name", "cuda", "said"),
    [
        ("p3.2xlarge", "13.0", r"V100 has .* 7\.0, but .* CUDA 13\.0 has kernels only from 7\.5"),
        ("g7e.2xlarge", "12.6", r"12\.0, .* has kernels only up to 9\.0; use .* 12\.8 or later"),
    ],
)
def test_a_build_of_torch_without_kernels_for_a_gpu_is_refused(
    name: str, cuda: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        check_cuda(gpu(name), cuda)


@pytest.mark.parametrize(
    ("name", "cuda"),
    [
        ("p3.2xlarge", "12.6"),
        ("g4dn.xlarge", "13.0"),
        ("p5.4xlarge", "12.6"),
        ("g7e.2xlarge", "13"),
    ],
)
def test_a_build_that_has_kernels_passes(name: str, cuda: str) -> None:
    check_cuda(gpu(name), cuda)
