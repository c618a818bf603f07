"""On a real GPU: `make test-gpu`. Passes without padding, their kernel, and their graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semscore.udfs.models.fitted import checked
from semscore.udfs.recipe import Precision, Prompt, Recipe

pytestmark = pytest.mark.gpu
TOLERANCE: dict[Precision, float] = {"float32": 1e-4, "float16": 0.02, "bfloat16": 0.05}
TEXTS = [" ".join(["a word of some text"] * (1 + 7 * n % 40)) + f" {n}" for n in range(400)]


@pytest.fixture(autouse=True)
def device() -> str:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device on this machine")
    return f"cuda:{torch.cuda.device_count() - 1}"


def recipe_of(folder: Path, precision: Precision) -> Recipe:
    return checked(Recipe(model=str(folder), precision=precision), folder)


def vectors(backend: Any, budget: int = 4096) -> np.ndarray:
    from semscore.udfs.texts.encoder import Encoder

    found = Encoder(backend, budget, None).encode(TEXTS)
    assert not found.failed.any()
    return np.asarray(found.vectors[np.arange(len(TEXTS))].cpu().numpy())


def in_float32(folder: Path) -> np.ndarray:
    from semscore.udfs.backends.torch import TorchBackend
    from semscore.udfs.texts.encoder import Encoder

    padded = TorchBackend(folder, recipe_of(folder, "float32"), "cpu")
    return np.asarray(Encoder(padded, None, None).encode(TEXTS).vectors)


def flat_of(folder: Path, precision: Precision, device: str) -> Any:
    from semscore.udfs.backends.flat.gpu import GpuFlatBackend

    return GpuFlatBackend(folder, recipe_of(folder, precision), device)


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    lengths = np.linalg.norm(expected, axis=1)
    return float((np.linalg.norm(found - expected, axis=1) / lengths).max())


@pytest.mark.parametrize("precision", TOLERANCE)
def test_vectors_are_those_of_padded_float32(
    precision: Precision, model_folder: Path, device: str
) -> None:
    import torch

    from semscore.udfs.backends.flat.varlen import varlen_kernel

    backend, expected = flat_of(model_folder, precision, device), in_float32(model_folder)
    has_kernel = varlen_kernel(torch.device(device), getattr(torch, precision)) is not None
    assert (backend._kernel is not None) == has_kernel
    for _ in range(6):  # from some time on, passes are replayed
        assert apart(vectors(backend), expected) <= TOLERANCE[precision]
    assert backend._graphs is None or backend._bound < 4096 or backend._graphs._replays


def test_replayed_passes_give_what_others_give(model_folder: Path, device: str) -> None:
    from semscore.udfs.backends.flat.graphs import Graphs, recorder

    backend = flat_of(model_folder, "float16", device)
    if backend._kernel is None:
        pytest.skip("this GPU or this torch has no kernel for texts of varying lengths")
    backend._graphs = None
    expected = vectors(backend)
    record = recorder(backend.device)
    assert record is not None
    graphs = Graphs(backend._packed_pass, record, bound=10_000)
    backend._graphs = graphs
    for _ in range(8):
        assert apart(vectors(backend), expected) <= 0.005
    assert graphs._replays and not graphs._failed


def test_nothing_waits_for_the_gpu_in_a_pass(model_folder: Path, device: str) -> None:
    import torch

    backend = flat_of(model_folder, "float16", device)
    inputs, rows = backend.prepare(TEXTS, Prompt("")), np.arange(len(TEXTS))
    backend._graphs = None  # recording waits
    backend.forward(inputs, rows, Prompt(""))
    torch.cuda.set_sync_debug_mode("error")
    try:
        backend.forward(inputs, rows, Prompt(""))
    finally:
        torch.cuda.set_sync_debug_mode("default")
