"""A loaded model reads what sentence-transformers reads, and no more than it can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from semscore.udfs.backends import readers
from semscore.udfs.backends.load import load_model, token_limit
from semscore.udfs.backends.reader import TokenReader
from semscore.udfs.backends.readers import reader_of, reads_as
from semscore.udfs.backends.torch import TorchBackend
from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model
from semscore.udfs.models.token_limit import corrections
from semscore.udfs.recipe import Prompt, Recipe
from semscore.udfs.texts.encoder import Embedded, Encoder

MakeModel = Callable[[str], Path]
SPECIALS = ["how to use [MASK]", "[SEP] and[SEP]then", "x [PAD] y", "[CLS]", "plain words"]
FLAGGED = ["a <Left> b", "a <Right> b", "a<Word>b <Word> c", "  <Left>  <Right>  ", "<left> <WORD>"]


def theirs_of(folder: Path, limit: int | None = None) -> SentenceTransformer:
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    if limit:
        model.max_seq_length = limit
    return model


def encoded(folder: Path, texts: list[str], **recipe: Any) -> Embedded:
    return Encoder(TorchBackend(folder, Recipe(**recipe), "cpu"), 700, None).encode(texts)


def assert_same(found: Any, theirs: Any) -> None:
    assert found.shape == theirs.shape
    assert np.abs(found - theirs).max() <= 1e-5 * np.abs(theirs).max()


# -- limits ----------------------------------------------------------------------------------------


def test_a_text_is_cut_where_the_positions_end(zoo: MakeModel) -> None:
    folder = zoo("roberta_without_a_limit")
    check_model(folder)
    texts = ["a " * n for n in (3, 30, 61, 62, 63, 64, 65, 500)]
    found, theirs = encoded(folder, texts), theirs_of(folder)
    assert theirs.max_seq_length == 66
    with pytest.raises((IndexError, RuntimeError)):
        theirs.encode(texts)
    assert_same(found.vectors, theirs_of(folder, 64).encode(texts))
    assert not found.failed.any()
    full = [len(theirs.tokenizer(text)["input_ids"]) for text in texts]
    assert found.truncated.tolist() == [length > 64 for length in full]
    assert {63, 64, 65} <= {*full, 63, 64, 65} and max(full) > 66
    assert corrections(folder) == {"max_seq_length": 64}


def test_a_limit_beyond_the_positions_is_refused_when_loading_too(zoo: MakeModel) -> None:
    folder = zoo("roberta_without_a_limit")
    assert token_limit(load_model(folder, "float32", "cpu", 64)) == 64
    for refuse in (
        lambda: check_model(folder, 65),
        lambda: load_model(folder, "float32", "cpu", 65),
    ):
        with pytest.raises(
            ModelError, match=r"Recipe.max_seq_length 65 is larger than .* can read: 64"
        ):
            refuse()


def test_a_limit_among_a_models_own_options_is_obeyed(zoo: MakeModel) -> None:
    folder, text = zoo("limit_of_its_own"), "cat " * 60
    assert encoded(folder, [text]).tokens.tolist() == [30]
    assert encoded(folder, [text], max_seq_length=10).tokens.tolist() == [10]


@pytest.mark.parametrize(
    ("name", "limit", "shorter"),
    [
        ("static_embedding_that_cuts", 20, "cat " * 20),
        ("word_embeddings", 5, "the cat sat on a"),
        ("processing_of_its_own", 1500, "the cat " * 200),
        ("router", 48, "cat " * 46),
    ],
)
def test_what_a_module_cuts_itself_is_told(
    zoo: MakeModel, name: str, limit: int, shorter: str
) -> None:
    longer = shorter + " and the words" * limit
    found = encoded(zoo(name), [shorter, longer])
    assert found.truncated.tolist() == [False, True]
    assert found.tokens[1] == limit
    assert_same(found.vectors, theirs_of(zoo(name)).encode([shorter, longer]))


def test_a_static_embedding_is_tokenised_once_ahead(zoo: MakeModel, odd_texts: list[str]) -> None:
    for name in ("static_embedding", "static_embedding_that_cuts"):
        backend = TorchBackend(zoo(name), Recipe(), "cpu")
        inputs = backend.prepare(odd_texts, Prompt())
        backend.model[0].tokenizer = None
        rows = np.random.default_rng(1).permutation(len(odd_texts))
        found = backend.forward(inputs, rows, Prompt())
        assert_same(found, theirs_of(zoo(name)).encode([odd_texts[row] for row in rows]))


# -- tokenizers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "texts"), [("split_special_tokens", SPECIALS), ("flagged_tokens", FLAGGED)]
)
def test_every_setting_of_a_tokenizer_counts(
    zoo: MakeModel, name: str, texts: list[str], tmp_path: Path
) -> None:
    model = load_model(zoo(name), "float32", "cpu")
    reader = reader_of(model, "bi-encoder")
    assert reader is not None
    saved = TokenReader.load(tmp_path, reader.save(tmp_path))
    for each in (reader, saved):
        found = np.split(each.read(texts).ids, each.read(texts).starts[1:-1])
        assert [ids.tolist() for ids in found] == model.tokenizer(texts)["input_ids"]
    assert_same(encoded(zoo(name), texts).vectors, theirs_of(zoo(name)).encode(texts))


def test_a_reader_that_has_lost_a_setting_is_found_out(zoo: MakeModel, tmp_path: Path) -> None:
    model = load_model(zoo("split_special_tokens"), "float32", "cpu")
    reader = reader_of(model, "bi-encoder")
    assert reader is not None
    facts = reader.save(tmp_path)
    assert reads_as(TokenReader.load(tmp_path, facts), model)
    assert not reads_as(TokenReader.load(tmp_path, facts | {"split_special_tokens": False}), model)
    assert not reads_as(TokenReader.load(tmp_path, facts, max_seq_length=20), model)


def test_a_copy_that_reads_otherwise_leaves_the_texts_to_the_model(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(tokenizer: Tokenizer, limit: int | None, *_: Any) -> Tokenizer:
        copy = Tokenizer.from_str(tokenizer.to_str())
        copy.no_padding()
        copy.enable_truncation(limit or 10_000)
        return copy

    monkeypatch.setattr(readers, "copied", forgetful)
    backend = TorchBackend(zoo("split_special_tokens"), Recipe(), "cpu")
    assert backend.reader is None
    found = Encoder(backend, 700, None).encode(SPECIALS)
    assert_same(found.vectors, theirs_of(zoo("split_special_tokens")).encode(SPECIALS))


def test_a_tokenizer_that_transformers_makes_up_is_refused(zoo: MakeModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(zoo("xlm_roberta"), folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    # Files of another kind of tokenizer, which XLM-R's does not look for
    (folder / "vocab.txt").write_text("\n".join(f"word{n}" for n in range(1500)))
    check_model(folder)
    with pytest.raises(ModelError, match=r"vocab\.txt does not contain what transformers needs"):
        load_model(folder, "float32", "cpu")


def test_a_token_that_the_model_has_no_vector_for_is_refused(
    zoo: MakeModel, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(zoo("bert_with_cls"), folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["extra_special_tokens"] = ["<one more>"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    check_model(folder)  # only transformers knows what becomes of such settings
    with pytest.raises(ModelError, match=r"has the token '<one more>' with the ID 1,\d+, but"):
        load_model(folder, "float32", "cpu")


# -- tokenizers that refuse ------------------------------------------------------------------------


@pytest.mark.parametrize("read_by", ["us", "the model"])
def test_a_text_that_the_tokenizer_refuses_fails_alone(
    zoo: MakeModel, monkeypatch: pytest.MonkeyPatch, read_by: str
) -> None:
    folder = zoo("no_unknown_token")
    check_model(folder)
    if read_by == "the model":
        monkeypatch.setattr("semscore.udfs.backends.torch.reader_of", lambda *_: None)
    texts = ["MKTAY", "MKTAYX?", "ACDEF" * 100, "ACDEF" * 100 + "?", "GHI KLM", "hello"]
    found = encoded(folder, texts)
    assert found.failed.tolist() == [False, True, False, True, False, True]
    assert found.truncated.tolist() == [False, False, True, False, False, False]
    good = [0, 2, 4]
    assert_same(found.vectors[good], theirs_of(folder).encode([texts[row] for row in good]))
    assert not found.vectors[~np.isin(np.arange(6), good)].any()


def test_texts_that_are_all_refused_all_fail(zoo: MakeModel) -> None:
    found = encoded(zoo("no_unknown_token"), ["hello", "world"])
    assert found.failed.tolist() == [True, True]


def test_a_tokenizer_that_reads_nothing_is_told(zoo: MakeModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(zoo("no_unknown_token"), folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["pad_token"] = None  # then sentence-transformers cannot make a batch
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=r"tokenizer cannot be used: .* padding token"):
        load_model(folder, "float32", "cpu")


def test_a_projection_of_pylate_is_loaded_as_sentence_transformers_own(
    zoo: MakeModel, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(zoo("distilbert_with_dense"), folder)
    listed = json.loads((folder / "modules.json").read_text())
    listed[2]["type"] = "pylate.models.Dense.Dense"
    (folder / "modules.json").write_text(json.dumps(listed))
    check_model(folder)
    texts = ["the cat", "a mat"]
    with torch.inference_mode():
        found = encoded(folder, texts).vectors
    assert_same(found, theirs_of(zoo("distilbert_with_dense")).encode(texts))
