"""The device that is measured: its name, its fastest matrix products, and how busy it is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

GPU_SIZE, CPU_SIZE = 8192, 512  # rows and columns of the matrices
PRODUCTS = 20
EVERY_MS = 200  # the utilisation is looked at


def describe(device: str) -> dict[str, Any]:
    """Return the device's name, and this machine as in the other benchmarks."""
    import torch

    from benchmarks.hardware import describe as machine

    on_gpu = device.startswith("cuda")
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else device,
        "capability": torch.cuda.get_device_capability(device) if on_gpu else None,
        "cuda": torch.version.cuda,
        "machine": machine(),
    }


def peak_flops(device: str) -> dict[str, float]:
    """Return the operations per second of the fastest bfloat16 product, of random matrices."""
    import torch

    size = GPU_SIZE if device.startswith("cuda") else CPU_SIZE
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(PRODUCTS):
        start = perf_counter()
        (a @ b)[0, 0].item()  # `item` waits for the product
        best = min(best, perf_counter() - start)
    return {"bfloat16": 2 * size**3 / best}


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """Collect the utilisation of the GPU inside the `with` block, as shares of 1."""
    looks: list[float] = []
    if not device.startswith("cuda"):
        yield looks
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    number = device.partition(":")[2] or "0"
    command = [*query, f"--id={number}", f"-lms={EVERY_MS}"]
    try:
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError:  # there is no nvidia-smi
        yield looks
        return
    with watch:
        try:
            yield looks
        finally:
            watch.terminate()
            lines = watch.communicate()[0].splitlines()
            looks += [float(line) / 100 for line in lines if line.strip().isdigit()]
