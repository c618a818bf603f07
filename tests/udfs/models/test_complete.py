"""A module that lacks a file is refused, and the file is named."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model

KINDS = {  # module -> its configuration, and whether it has weights
    "Dense": ("config.json", True),
    "LayerNorm": ("config.json", True),
    "CNN": ("cnn_config.json", True),
    "LSTM": ("lstm_config.json", True),
    "WeightedLayerPooling": ("config.json", True),
    "WordWeights": ("config.json", False),
    "Dropout": ("config.json", False),
}


def test_a_pooling_without_its_configuration_is_refused(files: Any) -> None:
    files.remove("1_Pooling/config.json")
    with pytest.raises(ModelError, match=r"1_Pooling has no config\.json; copy it again from"):
        check_model(files.folder)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_module_needs_its_files(files: Any, kind: str) -> None:
    config, weighted = KINDS[kind]
    files.modules(("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Next", kind))
    with pytest.raises(ModelError, match=rf"2_Next has no {config}"):
        check_model(files.folder)
    files.json(f"2_Next/{config}", {})
    if weighted:
        with pytest.raises(ModelError, match=r"2_Next has no weights \(\*\.safetensors\)"):
            check_model(files.folder)
        files.weights("2_Next/weights.safetensors", {"weight": (2,)})
        with pytest.raises(ModelError, match=r"2_Next has weights\.safetensors, but neither model"):
            check_model(files.folder)
        files.weights("2_Next/model.safetensors", {"weight": (2,)})
    check_model(files.folder)


def test_what_needs_no_files_has_none(files: Any) -> None:
    files.modules(("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    check_model(files.folder)


def test_a_transformer_without_its_configuration_is_refused(files: Any) -> None:
    files.remove("config.json")
    with pytest.raises(ModelError, match=r"has no config\.json; copy it again from"):
        check_model(files.folder)


def test_parts_of_weights_without_their_index_are_refused(files: Any) -> None:
    (files.folder / "model.safetensors").rename(files.folder / "model-00001-of-00002.safetensors")
    with pytest.raises(ModelError, match=r"has model-00001-of-00002\.safetensors, but neither"):
        check_model(files.folder)
    parts = {"weight_map": {"weight": "model-00001-of-00002.safetensors"}}
    files.json("model.safetensors.index.json", parts)
    check_model(files.folder)


def test_a_path_that_leads_out_of_the_model_is_refused(files: Any) -> None:
    files.modules(("", "Transformer"), ("../elsewhere", "Pooling"))
    with pytest.raises(ModelError, match=r"refers to a module outside .*: '\.\./elsewhere'"):
        check_model(files.folder)
