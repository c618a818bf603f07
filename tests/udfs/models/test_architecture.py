"""What config.json alone says of a transformer that cannot be built here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semscore.udfs.models import architecture
from semscore.udfs.models.architecture import adapter, known_types, obstacle


def test_the_types_are_those_of_transformers_own_table() -> None:
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    assert known_types() == set(MODEL_MAPPING_NAMES)


def test_the_table_is_read_without_torch() -> None:
    code = (
        "import sys; from semscore.udfs.models.architecture import known_types; "
        "assert 'bert' in known_types(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("config", [{}, {"model_type": "bert"}, {"quantization_config": {}}])
def test_an_ordinary_model_has_no_obstacle(config: dict[str, Any]) -> None:
    assert obstacle(config) is None


def test_a_type_that_transformers_does_not_know() -> None:
    found = str(obstacle({"model_type": "bert2031"}))
    assert "does not know model type 'bert2031'. Install the version" in found
    assert "StaticEmbedding" in str(obstacle({"model_type": "model2vec"}))


@pytest.mark.parametrize("method", ["bitsandbytes", "gptq", "awq", "compressed-tensors", "hqq"])
def test_weights_that_are_quantised_for_a_library_that_is_missing(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"model_type": "bert", "quantization_config": {"quant_method": method}}
    assert f"quantised ({method}), which needs the package" in str(obstacle(config))
    monkeypatch.setattr(architecture, "find_spec", lambda _: object())
    known_types.cache_clear()
    monkeypatch.setattr(architecture, "known_types", lambda: {"bert"})
    assert obstacle(config) is None  # then loading it shows


def test_a_quantisation_that_nobody_knows() -> None:
    config = {"model_type": "bert", "quantization_config": {"quant_method": "mine"}}
    assert str(obstacle(config)) == (
        "its weights are quantised (mine), which is not supported here. Use the model from before "
        "quantisation"
    )


def test_an_adapter_is_not_a_model(tmp_path: Path) -> None:
    assert adapter(tmp_path) is None
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "a/b"}))
    assert "an adapter (adapter_config.json) without its base model a/b" in str(adapter(tmp_path))
    for content in ("[]", "{", "{}"):
        (tmp_path / "adapter_config.json").write_text(content)
        assert "(not named)" in str(adapter(tmp_path))
