"""On a real GPU: `make test-gpu`. Pinning, memory that runs out, known pairs in half precisions."""

from __future__ import annotations

import shutil
import subprocess
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import score_batches

pytestmark = pytest.mark.gpu
TOLERANCE: dict[Precision, float] = {"float32": 0.002, "float16": 0.01, "bfloat16": 0.01}
TEXTS = [f"{word} is word number {n} of some" for n, word in enumerate(["alpha", "beta"] * 500)]
PAIRS = list(zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True))


@pytest.fixture(autouse=True)
def on_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Make this process a task on the last GPU that there is; gives its address."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device on this machine")
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "leases"))
    monkeypatch.setattr(worker, "_residents", OrderedDict())
    address = str(torch.cuda.device_count() - 1)
    gpu = SimpleNamespace(addresses=[address])
    task = SimpleNamespace(resources=lambda: {"gpu": gpu}, cpus=lambda: 1)
    monkeypatch.setattr(worker.TaskContext, "get", lambda: task)
    return address


def run(recipe: Recipe, engine: Engine) -> tuple[np.ndarray, Meters]:
    columns = tuple(pd.Series(list(texts), dtype=object) for texts in zip(*PAIRS, strict=True))
    meters = Meters()
    frames = list(score_batches(iter([columns]), recipe, engine, meters))
    return np.concatenate([frame["score"].to_numpy() for frame in frames]), meters


def exact(model_folder: Path) -> np.ndarray:
    recipe = Recipe(model=str(model_folder), precision="float32")
    return run(recipe, Engine(backend="torch", device="cpu"))[0]


@pytest.mark.parametrize("precision", TOLERANCE)
def test_scores_are_the_cpus_and_the_model_is_on_the_tasks_gpu(
    precision: Precision, model_folder: Path, on_gpu: str
) -> None:
    import torch

    expected = exact(model_folder)
    scores, meters = run(Recipe(model=str(model_folder), precision=precision), Engine())
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE[precision])
    assert [label.split()[2] for label in meters.workers] == [f"gpu:{on_gpu}"]
    assert not meters.notes, "the known pairs were not checked"
    assert meters.peak_device_bytes > 0
    places = {parameter.device for parameter in resident_model().parameters()}
    assert places == {torch.device(f"cuda:{on_gpu}")}


def test_a_batch_that_does_not_fit_is_halved_and_the_budget_stays(
    model_folder: Path, on_gpu: str
) -> None:
    import torch

    recipe, device = Recipe(model=str(model_folder), precision="float32"), int(on_gpu)
    expected = exact(model_folder)
    run(recipe, Engine())  # what loading takes is there
    torch.cuda.empty_cache()
    room = torch.cuda.memory_reserved(device) + 8 * 2**20
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(room / total, device)
    try:
        scores, meters = run(recipe, Engine(token_budget=65_536))
        _, again = run(recipe, Engine(token_budget=65_536))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE["float32"])
    assert meters.oom_retries > 0
    assert again.oom_retries == 0
    assert any("Engine.token_budget" in note for note in meters.notes)


def test_the_discovery_script_lists_what_nvidia_smi_does(on_gpu: str) -> None:
    if not shutil.which("nvidia-smi"):
        pytest.skip("no nvidia-smi on the PATH")
    script = Path(__file__).parents[2] / "container" / "discover_gpus.py"
    told = subprocess.run([script], capture_output=True, text=True, check=True)
    assert '"name": "gpu"' in told.stdout


def resident_model() -> Any:
    backend: Any = next(iter(worker._residents.values())).encoder.backend
    return backend.model
