"""OpenVINO gives torch's vectors, a text's vector never depends on others, and what cannot be
converted says why."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore.udfs.backends.flat import speeds
from semscore.udfs.backends.openvino import calibration
from semscore.udfs.backends.openvino import converted as module
from semscore.udfs.backends.openvino.converted import converted, converted_place
from semscore.udfs.backends.openvino.forward import OpenVinoBackend, has_bfloat16
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.reader import TokenReader
from semscore.udfs.backends.registry import load_backend
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.errors import ModelError
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.proofs.proof import proof_place
from semscore.udfs.recipe import Engine, Precision, Prompt, Recipe
from semscore.udfs.texts.encoder import Encoder
from tests.services.scoring import score_pairs

MakeModel = Callable[[str], Path]
Pairs = list[tuple[str | None, str | None]]

# Each by another way of seeing, pooling or padding.
CONVERTED = (
    "distilbert_with_dense",
    "bert_with_many_poolings",
    "roberta",
    "xlm_roberta",
    "mpnet",
    "modernbert",
    "decoder_with_left_padding",
    "prompts",
    "truncated_dimensions",
    "roberta_without_a_limit",
    "split_special_tokens",
    "flagged_tokens",
)
SPECIALS = [
    "how to use [MASK]",
    "[SEP] and[SEP]then",
    "x [PAD] y",
    "a <Left> b",
    "a<Word>b <Right> c",
]
REFUSED = {
    "static_embedding": "it is a table of token vectors, without a transformer",
    "router": "only its own code can tokenise texts for it",
    "router_behind_the_pooling": "its Router runs other modules for queries than for documents",
    "left_truncation": "only its own code can tokenise texts for it",
    "prompts_left_out_of_the_pooling": "its pooling leaves the prompt out",
}
needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no bfloat16")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of its own; conversions run in this process, which has torch already."""
    from semscore.udfs.backends.proving import prove

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, prove.main(command[4:]), b"", b"refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSCORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(module.subprocess, "run", run)
        patch.setattr(speeds, "may_be_faster", lambda: False)  # the choice depends on the CPU
        for place in (converted_place, proof_place):
            place.cache_clear()
        yield
    for place in (converted_place, proof_place):
        place.cache_clear()


def backend_of(folder: Path, precision: Precision = "float32", **recipe: Any) -> OpenVinoBackend:
    recipe = {"model": str(folder), "precision": precision, **recipe}
    return OpenVinoBackend(converted(folder, "bi-encoder"), Recipe(**recipe), cpus=1)


def vectors(backend: Any, texts: list[str], prompt: str | None = None, budget: int = 700) -> Any:
    found = Encoder(backend, budget, None).encode(texts, Prompt(prompt))
    assert not found.failed.any()
    return found.vectors


def assert_near(found: Any, expected: Any, tolerance: float) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()
    assert np.abs(np.roll(found, 1, axis=0) - expected).max() > 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("name", CONVERTED)
def test_vectors_are_torchs(zoo: MakeModel, odd_texts: list[str], name: str) -> None:
    texts = random.Random(name).sample([*odd_texts, *SPECIALS], len(odd_texts) + len(SPECIALS))
    ours, theirs = backend_of(zoo(name)), TorchBackend(zoo(name), Recipe(), "cpu")
    assert ours.dim == theirs.dim
    assert ours.pads == (name not in ("modernbert", "decoder_with_left_padding"))
    found, expected = (Encoder(each, 700, None).encode(texts) for each in (ours, theirs))
    assert_near(found.vectors, expected.vectors, 2e-5)
    assert found.tokens.tolist() == expected.tokens.tolist()
    assert found.truncated.tolist() == expected.truncated.tolist()


@pytest.mark.parametrize(("prompt", "limit", "dim"), [(None, 20, 5), ("the query: ", 7, None)])
def test_prompts_limits_and_dimensions_count(
    zoo: MakeModel, odd_texts: list[str], prompt: str | None, limit: int, dim: int | None
) -> None:
    recipe = {"max_seq_length": limit, "truncate_dim": dim}
    ours = backend_of(zoo("prompts"), **recipe)
    theirs = TorchBackend(zoo("prompts"), Recipe(**recipe), "cpu")
    texts = odd_texts[:30]
    assert_near(vectors(ours, texts, prompt), vectors(theirs, texts, prompt), 2e-5)


def test_a_limit_beyond_the_positions_is_refused(zoo: MakeModel) -> None:
    assert backend_of(zoo("roberta_without_a_limit"), max_seq_length=64).limit == 64
    with pytest.raises(
        ModelError,
        match=r"Recipe\.max_seq_length 65 is larger than the number of tokens that .* can read: 64",
    ):
        backend_of(zoo("roberta_without_a_limit"), max_seq_length=65)


def test_a_saved_tokenizer_that_reads_otherwise_is_not_used(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from semscore.udfs.backends.openvino import convert
    from semscore.udfs.backends.proving.prove import load

    whole = TokenReader.save

    def forgetful(reader: TokenReader, folder: Path) -> dict[str, Any]:
        return whole(reader, folder) | {"split_special_tokens": False}

    monkeypatch.setattr(TokenReader, "save", forgetful)
    folder = zoo("split_special_tokens")
    convert.convert(load(folder, "bi-encoder"), folder, "bi-encoder", tmp_path / "place")
    reason = (tmp_path / "place" / module.REASON).read_text()
    assert reason == "its tokenizer reads texts differently after it is saved to a file"


def test_a_calibration_from_before_a_correction_is_refused(zoo: MakeModel, tmp_path: Path) -> None:
    folder = zoo("split_special_tokens")
    (tmp_path / "model.json").write_text("{}")
    recipe = {"precision": "int8", "calibration": str(tmp_path)}
    with pytest.raises(ModelError, match="was made by an earlier version of semscore, which read"):
        chosen(folder, **recipe)
    calibration.require_current(tmp_path, zoo("prompts"))
    (tmp_path / "model.json").write_text('{"corrections": {"split_special_tokens": true}}')
    calibration.require_current(tmp_path, folder)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_converted_says_why_once(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(NotConvertible, match=REFUSED[name]):
        converted(zoo(name), "bi-encoder")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: 1 / 0)  # no second try
    with pytest.raises(NotConvertible, match=REFUSED[name]):
        converted(zoo(name), "bi-encoder")


def test_a_conversion_that_dies_is_told_and_tried_again(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = subprocess.CompletedProcess([], -9, b"", b"Killed\n")
    with monkeypatch.context() as patch:
        patch.setattr(module.subprocess, "run", lambda *_, **__: died)
        with pytest.raises(NotConvertible, match="ended with exit code -9: Killed"):
            converted(zoo("bert_with_cls"), "bi-encoder")
    assert (converted(zoo("bert_with_cls"), "bi-encoder") / "model.xml").is_file()


def test_another_version_of_a_library_converts_anew(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = converted_place(zoo("prompts"))
    converted_place.cache_clear()
    monkeypatch.setattr(module.metadata, "version", lambda _: "99")
    assert converted_place(zoo("prompts")) != before
    converted_place.cache_clear()


# -- which backend ---------------------------------------------------------------------------------


def chosen(folder: Path, engine: Engine = Engine(), **recipe: Any) -> tuple[str, str | None]:
    backend, reason = load_backend(folder, Recipe(**recipe), engine, "cpu", 1)
    return backend.name, reason


def test_openvino_is_taken_on_cpus_and_torch_where_it_cannot_run(zoo: MakeModel) -> None:
    assert chosen(zoo("prompts")) == ("openvino", None)
    assert chosen(zoo("prompts"), Engine(backend="torch")) == ("torch", None)
    why = "the model runs in torch, not in OpenVINO: "
    assert chosen(zoo("router")) == ("torch", why + REFUSED["router"])
    name, note = chosen(zoo("prompts"), precision="float16")
    assert (name, note) == ("torch", f"{why}it does not compute in float16 on CPUs")


def test_openvino_that_is_asked_for_and_cannot_run_is_an_error(zoo: MakeModel) -> None:
    with pytest.raises(
        ModelError, match=r"Engine.backend openvino needs OpenVINO, .* its own code"
    ):
        chosen(zoo("router"), Engine(backend="openvino"))
    with pytest.raises(
        ModelError, match=r"^Recipe\.precision int8 needs OpenVINO, .* its own code"
    ):
        chosen(zoo("router"), precision="int8")


def test_without_openvino_torch_runs_and_says_what_to_install(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.udfs.backends.registry.find_spec", lambda _: None)
    name, reason = chosen(zoo("prompts"))
    assert name == "flat" and "pip install 'semscore[openvino]'" in str(reason)


# -- MiniLM ----------------------------------------------------------------------------------------


def scored(backend: Any, pairs: Pairs, budget: int | None = None) -> Any:
    texts1, texts2 = (pd.Series([pair[side] for pair in pairs], dtype=object) for side in (0, 1))
    return score_pairs(texts1, texts2, Encoder(backend, budget, None)).score


@pytest.fixture(scope="module")
def exact(model_folder: Path, demo_pairs: Pairs) -> Any:
    """Torch's float32 scores."""
    return scored(TorchBackend(model_folder, Recipe(), "cpu"), demo_pairs)


@pytest.fixture(scope="module")
def int8(model_folder: Path, demo_pairs: Pairs, tmp_path_factory: Any) -> Recipe:
    """A recipe calibrated on some of the demo's texts, by a process of its own."""
    texts = [text for pair in demo_pairs[:40] for text in pair if text]
    converted(model_folder, "bi-encoder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", real_run)
        recipe = Recipe(model=str(model_folder))
        return calibration.calibrate(texts, recipe, tmp_path_factory.mktemp("int8"))


real_run = subprocess.run


def test_float32_is_within_a_millionth(model_folder: Path, demo_pairs: Pairs, exact: Any) -> None:
    found = scored(backend_of(model_folder), demo_pairs)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-6)
    assert np.nanstd(exact) > 0.1


@needs_bfloat16
def test_bfloat16_is_within_a_hundredth(model_folder: Path, demo_pairs: Pairs, exact: Any) -> None:
    apart = np.abs(scored(backend_of(model_folder, "bfloat16"), demo_pairs) - exact)
    assert 1e-5 < np.nanmax(apart) <= 0.01  # not equal: it was really computed in bfloat16
    assert np.isnan(apart).tolist() == np.isnan(exact).tolist()


@pytest.mark.slow
def test_int8_is_near_and_complete(int8: Recipe, demo_pairs: Pairs, exact: Any) -> None:
    folder = Path(str(int8.calibration))
    assert sorted(path.name for path in folder.iterdir()) == sorted(calibration.FILES)
    files = calibration.read_calibration(str(folder), content_sha256(Path(int8.model)))
    assert len(calibration.int8_sha256(files)) == 64
    graph = files["model.xml"].decode()
    assert "FakeQuantize" in graph
    apart = np.abs(scored(OpenVinoBackend(folder, int8, 1), demo_pairs) - exact)
    assert 1e-3 < np.nanmax(apart) <= 0.15
    assert np.nanmean(apart) < 0.02


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=needs_bfloat16)])
def test_a_score_does_not_depend_on_its_neighbours(
    model_folder: Path, demo_pairs: Pairs, precision: Precision
) -> None:
    backend = OpenVinoBackend(converted(model_folder, "bi-encoder"), Recipe(precision=precision), 1)
    require_independence(backend, demo_pairs)


@pytest.mark.slow
def test_an_int8_score_does_not_depend_on_its_neighbours(int8: Recipe, demo_pairs: Pairs) -> None:
    backend = OpenVinoBackend(Path(str(int8.calibration)), int8, 1)
    require_independence(backend, demo_pairs)


def require_independence(backend: OpenVinoBackend, demo_pairs: Pairs) -> None:
    pairs = random.Random(1).sample(demo_pairs, 30)
    together = scored(backend, pairs)
    assert np.abs(scored(backend, pairs) - together)[~np.isnan(together)].max() == 0  # again
    alone = np.concatenate([scored(backend, [pair]) for pair in pairs])
    others = scored(backend, pairs[::-1], budget=200)[::-1]
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(others, together, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_calibration_of_another_model_is_refused(int8: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="was made for another model"):
        calibration.read_calibration(str(int8.calibration), "00" * 32)
    with pytest.raises(ModelError, match=r"is not an int8 calibration, because it has no"):
        calibration.read_calibration(str(tmp_path), "00" * 32)


def test_a_calibration_that_a_worker_cannot_see_is_named(
    model_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="was not found on this worker"):
        chosen(model_folder, precision="int8", calibration=str(tmp_path / "elsewhere"))


def test_a_full_disk_is_no_property_of_the_model(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from semscore.udfs.backends.openvino import convert
    from semscore.udfs.backends.proving.prove import load

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "_convert", full)
    with pytest.raises(OSError, match="No space"):
        model = load(zoo("prompts"), "bi-encoder")
        convert.convert(model, zoo("prompts"), "bi-encoder", tmp_path / "place")
    assert not (tmp_path / "place").exists()


def test_int8_wants_texts(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it has none"):
        calibration.calibrate([" ", ""], Recipe(model=str(model_folder)), tmp_path)
