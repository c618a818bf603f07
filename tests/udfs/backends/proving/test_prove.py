"""A model is loaded once, proved and converted, and what cannot be used is one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from semscore.udfs.backends.openvino import converted
from semscore.udfs.backends.openvino.converted import REFUSED, converted_place
from semscore.udfs.backends.openvino.forward import OpenVinoBackend
from semscore.udfs.backends.proving import proved as module
from semscore.udfs.backends.proving.prove import main
from semscore.udfs.backends.proving.proved import (
    NotProved,
    fits,
    free_memory,
    proved,
    require_proved,
)
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.errors import ModelError
from semscore.udfs.proofs.proof import Proof, proof_place, read_proof
from semscore.udfs.recipe import Recipe
from semscore.udfs.texts.encoder import Encoder

DIM = 32
MakeModel = Callable[[str], Path]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSCORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        for place in (proof_place, converted_place):
            place.cache_clear()
        yield
    for place in (proof_place, converted_place):
        place.cache_clear()


def proof_of(folder: Path, *options: str) -> Proof:
    assert main([str(folder), "bi-encoder", *options]) == 0
    return read_proof(proof_place(folder, None))


@pytest.mark.parametrize(
    ("name", "batching"),
    [
        ("roberta", "together"),
        ("modernbert", "together"),
        ("decoder_with_left_padding", "together"),
        ("static_embedding", "together"),
        ("prompts_left_out_with_left_padding", "together"),
        ("longrope", "alone"),
        ("dynamic_rope", "reset"),
    ],
)
def test_how_a_model_must_be_run_is_found(zoo: MakeModel, name: str, batching: str) -> None:
    proof = proof_of(zoo(name))
    assert proof.batching == batching
    theirs = SentenceTransformer(str(zoo(name)), device="cpu", local_files_only=True)
    expected = theirs.encode(list(proof.texts), prompt="", batch_size=1)
    np.testing.assert_allclose(proof.vectors, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["longrope", "dynamic_rope"])
def test_vectors_are_those_of_each_text_alone_in_a_fresh_model(zoo: MakeModel, name: str) -> None:
    folder, texts = zoo(name), ["the cat sat " * n for n in (1, 30, 5, 7, 10, 3, 9, 30)]
    proof = proof_of(folder, "--convert")
    fresh = [
        SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode([text])[0]
        for text in texts
    ]
    backends: list[Any] = [TorchBackend(folder, Recipe(), "cpu", proof)]
    place = converted_place(folder)
    if (place / "model.xml").exists():
        backends.append(OpenVinoBackend(place, Recipe(), 1))
    for backend in backends:
        found = Encoder(backend, None, None).encode(texts)
        np.testing.assert_allclose(found.vectors, fresh, rtol=1e-4, atol=1e-4)
    batched = Encoder(TorchBackend(folder, Recipe(), "cpu"), 10_000, None)
    batched.backend.stretch = 100.0
    assert np.abs(batched.encode(texts).vectors - fresh).max() > 0.01


def test_openvino_pads_no_text_to_a_length_that_rescales_it(zoo: MakeModel) -> None:
    proof_of(zoo("longrope"), "--convert")
    facts = converted_place(zoo("longrope")) / "model.json"
    assert json.loads(facts.read_text())["pads"] is False


def test_a_worker_proves_on_its_own_device_where_the_cpu_has_no_room(zoo: MakeModel) -> None:
    backend = TorchBackend(zoo("longrope"), Recipe(precision="bfloat16"), "cpu")
    assert backend.prove(zoo("longrope")).batching == "alone"
    assert backend.max_texts == 1


def test_a_model_whose_words_are_all_unknown_is_refused(
    zoo: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its weights give every text the same vector."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(zoo("bert_with_cls"), tmp_path / "model")
    weights = {name: value * 0 for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert main([str(folder), "bi-encoder"]) == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"{folder} cannot be scored: it gives different texts the same vector")
    assert not proof_place(folder, None).exists()


def test_a_model_that_a_library_cannot_load_is_refused(
    zoo: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(zoo("bert_with_cls"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 5}))
    for options in ([], ["--outline"]):
        assert main([str(folder), "bi-encoder", *options]) == REFUSED
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert said.startswith(f"{folder} cannot be loaded: ")
        assert "multiple of the number of attention heads" in said


# -- too large to be loaded ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bert_with_cls", "longrope", "modernbert", "bare_transformer"])
def test_an_outline_needs_no_weights_in_memory(zoo: MakeModel, name: str) -> None:
    assert main([str(zoo(name)), "bi-encoder", "--outline"]) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_size": 64}, "expected (1"),
        ({"model_type": "distilbert", "dim": DIM, "n_layers": 2, "n_heads": 2}, "they contain"),
    ],
)
def test_an_outline_shows_weights_of_another_model(
    zoo: MakeModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    says: str,
) -> None:
    folder = shutil.copytree(zoo("bert_with_cls"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    del config["classifier_dropout"]
    (folder / "config.json").write_text(json.dumps(config | change))
    assert main([str(folder), "bi-encoder", "--outline"]) == REFUSED
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "has the weights of another model" in said and says in said


# -- the process -----------------------------------------------------------------------------------


def test_what_is_proved_is_not_proved_again(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = proof_of(zoo("roberta"))
    monkeypatch.setattr(converted.subprocess, "run", lambda *_, **__: 1 / 0)
    assert proved(zoo("roberta"), "bi-encoder", None, convert=False).texts == proof.texts
    with pytest.raises(ZeroDivisionError):
        proved(zoo("roberta"), "bi-encoder", 6, convert=False)  # another limit, other vectors


def test_without_room_nothing_is_started(zoo: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted.subprocess, "run", lambda *_, **__: 1 / 0)
    monkeypatch.setattr(module, "free_memory", lambda: 10**9)
    with pytest.raises(NotProved, match="too little free memory"):
        proved(zoo("mpnet"), "bi-encoder", 7, convert=False)


def test_how_a_process_ended_is_told_apart() -> None:
    require_proved(0, "warnings")
    with pytest.raises(ModelError, match=r"^no tokenizer$"):
        require_proved(REFUSED, "a warning\nno tokenizer\n")
    with pytest.raises(NotProved, match="exit code -9"):
        require_proved(-9, "")


def test_room_is_what_a_container_has_left(
    zoo: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert free_memory() > 0 and fits(zoo("roberta"))
    (tmp_path / "memory.max").write_text("5000000000\n")
    (tmp_path / "memory.current").write_text("4000000000\n")
    monkeypatch.setattr(module, "CGROUP", tmp_path)
    assert free_memory() == 10**9 and not fits(zoo("roberta"))
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() > 10**9
