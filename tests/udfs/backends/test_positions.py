"""How many tokens an architecture has positions for is measured, and its files say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from semscore.udfs.backends.positions import positions
from semscore.udfs.models import token_limit as limits
from semscore.udfs.models.layout import TRANSFORMER, Module

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 66,
}
NAMED_OTHERWISE = {"n_positions": 66, "n_embd": 16, "n_layer": 1, "n_head": 2}
MODELS: dict[str, tuple[int | None, dict[str, Any]]] = {  # tokens that can be read, and sizes
    "bert": (66, SIZES),
    "albert": (66, SIZES | {"embedding_size": 16}),
    "roberta": (64, SIZES),
    "camembert": (64, SIZES),
    "mpnet": (64, SIZES),  # has relative positions too
    "xmod": (64, SIZES | {"default_language": "en_XX"}),
    "luke": (64, SIZES | {"entity_vocab_size": 4, "entity_emb_size": 16}),
    "markuplm": (65, SIZES),  # its padding token is the first
    "opt": (66, SIZES | {"ffn_dim": 16, "word_embed_proj_dim": 16}),  # the table has two rows more
    "yoso": (66, SIZES),
    "gpt2": (66, NAMED_OTHERWISE),
    "modernbert": (None, SIZES | dict.fromkeys(["bos_token_id", "eos_token_id"], 0)),
    "llama": (None, SIZES | {"num_key_value_heads": 2}),
    "bloom": (None, {"hidden_size": 16, "n_layer": 1, "n_head": 2}),
}


class Whole(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: dict[str, Any]) -> Any:
        return self.model(**features)


def features(tokens: int) -> dict[str, torch.Tensor]:
    return {
        "input_ids": torch.full((1, tokens), 5),
        "attention_mask": torch.ones(1, tokens, dtype=torch.long),
    }


@pytest.mark.parametrize("name", MODELS)
def test_the_last_position_is_found(name: str, tmp_path: Path) -> None:
    most, sizes = MODELS[name]
    config = AutoConfig.for_model(name, vocab_size=50, **sizes)
    config.cls_token_id = config.sep_token_id = 0
    config.pad_token_id = config.pad_token_id if (config.pad_token_id or 99) < 50 else 0
    model = AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path)
    assert positions(Whole(model), features(3)) == most
    assert limits.positions(Module(tmp_path, TRANSFORMER)) == most
    with torch.inference_mode():
        model(**features(most or 80))
        if most:
            with pytest.raises((IndexError, RuntimeError)):
                model(**features(most + 1))


def test_relative_positions_are_no_limit() -> None:
    from transformers import T5Config, T5EncoderModel

    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    model = T5EncoderModel(T5Config(vocab_size=50, **sizes)).eval()
    assert positions(Whole(model), features(3)) is None


def test_a_model_that_fails_has_no_known_limit() -> None:
    class Fails(torch.nn.Module):
        def forward(self, features: Any) -> Any:
            raise ValueError("needs an image")

    assert positions(Fails(), features(3)) is None


def test_a_device_that_fails_is_not_taken_for_an_architecture() -> None:
    class Lost(torch.nn.Module):
        def forward(self, features: Any) -> Any:
            raise RuntimeError("CUDA error: uncorrectable ECC error encountered")

    with pytest.raises(RuntimeError, match="ECC"):
        positions(Lost(), features(3))
