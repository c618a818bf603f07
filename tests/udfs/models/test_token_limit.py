"""How much a model reads, from its files: the least of what its parts can."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models import token_limit as limits
from semscore.udfs.models.fetch import check_model
from semscore.udfs.models.layout import input_module
from semscore.udfs.models.token_limit import corrections

TABLE = "embeddings.position_embeddings.weight"
ROBERTA = {"model_type": "roberta", "max_position_embeddings": 66, "pad_token_id": 1}


@pytest.fixture
def roberta(files: Any) -> Any:
    """66 positions, 64 of which are for tokens; and no limit stated."""
    files.json("config.json", ROBERTA)
    files.weights("model.safetensors", {TABLE: (66, 3)})
    return files


def positions(files: Any) -> int | None:
    return limits.positions(input_module(files.folder))


def test_positions_behind_the_padding_are_fewer_than_stated(roberta: Any) -> None:
    assert positions(roberta) == 64
    roberta.json("config.json", ROBERTA | {"pad_token_id": 0})
    assert positions(roberta) == 65
    check_model(roberta.folder, max_seq_length=65)
    with pytest.raises(
        ModelError, match=r"Recipe.max_seq_length 66 is larger than .* can read: 65"
    ):
        check_model(roberta.folder, max_seq_length=66)


def test_rows_of_no_use_are_not_positions(files: Any) -> None:
    files.json("config.json", {"model_type": "opt", "max_position_embeddings": 64})
    files.weights("model.safetensors", {"decoder.embed_positions.weight": (66, 3)})
    assert positions(files) == 64


def test_the_encoders_table_counts(files: Any) -> None:
    files.json("config.json", {"model_type": "led", "max_encoder_position_embeddings": 64})
    tables = ("encoder.embed_positions.weight", "decoder.embed_positions.weight")
    files.weights("model.safetensors", {tables[0]: (64, 3), tables[1]: (32, 3)})
    assert positions(files) == 64


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.x_position_embeddings.weight",
        "vision_model.embeddings.position_embedding.weight",
        "embeddings.position_embeddings.bias",
        "embeddings.word_embeddings.weight",
    ],
)
def test_other_tables_are_not_of_a_texts_positions(files: Any, name: str) -> None:
    files.weights("model.safetensors", {name: (8, 3)})
    assert positions(files) is None


@pytest.mark.parametrize(
    ("model_type", "config", "most"),
    [
        ("gpt2", {"n_positions": 64}, 64),
        ("t5", {"n_positions": 64}, None),  # its positions are relative
        ("xlnet", {"max_position_embeddings": -1}, None),
        ("esm", {"max_position_embeddings": 66, "position_embedding_type": "rotary"}, 66),
    ],
)
def test_what_a_configuration_states(
    files: Any, model_type: str, config: dict[str, Any], most: int | None
) -> None:
    files.json("config.json", {"model_type": model_type, **config})
    assert limits.stated_positions(input_module(files.folder)) == most


# -- corrections -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "limit"),
    [
        ("tokenizer_config.json", {}, 66),  # what is stated nowhere is max_position_embeddings
        ("tokenizer_config.json", {"model_max_length": 512}, 66),
        ("tokenizer_config.json", {"model_max_length": 1e30}, 66),
        ("tokenizer_config.json", {"model_max_length": 65}, 65),
        ("sentence_bert_config.json", {"max_seq_length": 100}, 100),
        ("sentence_roberta_config.json", {"max_seq_length": 100}, 100),
        ("sentence_bert_config.json", {"tokenizer_args": {"model_max_length": 80}}, 80),
        ("sentence_bert_config.json", {"processing_kwargs": {"text": {"max_length": 90}}}, 90),
    ],
)
def test_a_limit_beyond_the_positions_is_corrected(
    roberta: Any, name: str, content: dict[str, Any], limit: int
) -> None:
    roberta.json(name, content)
    assert limits.stated_limit(input_module(roberta.folder)) == limit
    assert corrections(roberta.folder) == {"max_seq_length": 64}
    assert corrections(roberta.folder, max_seq_length=32) == {}


@pytest.mark.parametrize("limit", [64, 20])
def test_a_limit_within_the_positions_needs_no_correction(roberta: Any, limit: int) -> None:
    roberta.json("tokenizer_config.json", {"model_max_length": limit})
    assert corrections(roberta.folder) == {}


def test_an_ordinary_model_needs_no_correction(files: Any, model_folder: Any) -> None:
    assert corrections(files.folder) == corrections(model_folder) == {}
    files.json("tokenizer_config.json", {"split_special_tokens": False})
    assert corrections(files.folder) == {}


def test_positions_that_turn_may_be_exceeded(files: Any) -> None:
    files.json("config.json", {"model_type": "llama", "max_position_embeddings": 64})
    files.json("sentence_bert_config.json", {"max_seq_length": 100})
    assert corrections(files.folder) == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", {"split_special_tokens": True}),
        ("sentence_bert_config.json", {"tokenizer_args": {"split_special_tokens": True}}),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"split_special_tokens": True}}},
        ),
    ],
)
def test_special_tokens_that_are_read_as_text_are_a_correction(
    files: Any, name: str, content: dict[str, Any]
) -> None:
    files.json(name, content)
    assert corrections(files.folder, max_seq_length=9) == {"split_special_tokens": True}


def test_a_static_embedding_needs_no_correction(files: Any) -> None:
    files.modules(("", "StaticEmbedding"))
    assert corrections(files.folder) == {}
