"""Recipes: checked where they are built, and identified by what decides the score."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from semscore.udfs import recipe as module
from semscore.udfs.recipe import Engine, Recipe, fingerprint

SHA = "ab" * 32
COLUMNS = ("text1", "text2")
GOLDEN = "7fa5a6130325f9438be34d8d49c8b971e069d5f23d40c5c09197fd186c8cf0f3"
CHANGES: dict[str, Any] = {
    "metric": "dot",
    "prompt1": "query: ",
    "prompt2": "",
    "max_seq_length": 128,
    "truncate_dim": 64,
    "precision": "bfloat16",
    "kind": "cross-encoder",
    "label": "entailment",
    "role1": "query",
    "role2": "document",
}


def test_the_fingerprint_of_a_fixed_recipe_never_changes() -> None:
    # If this fails, datasets scored earlier cannot be resumed: raise SCORING_VERSION on purpose.
    assert fingerprint(Recipe(model="m"), SHA, COLUMNS) == GOLDEN


@pytest.mark.parametrize("kind", ["auto", "bi-encoder"])
def test_the_first_kind_of_model_keeps_its_fingerprint(kind: Any) -> None:
    assert fingerprint(Recipe(model="m", kind=kind), SHA, COLUMNS) == GOLDEN


@pytest.mark.parametrize("name", CHANGES)
def test_the_fingerprint_changes_with_what_decides_the_score(name: str) -> None:
    changed = Recipe(model="m", **{name: CHANGES[name]})
    assert fingerprint(changed, SHA, COLUMNS) != GOLDEN


def test_every_field_but_the_models_name_decides_the_score() -> None:
    assert CHANGES.keys() | {"model", "revision", "calibration"} == {
        field.name for field in fields(Recipe)
    }


def test_the_fingerprint_changes_with_model_content_columns_and_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert fingerprint(Recipe(model="m"), "cd" * 32, COLUMNS) != GOLDEN
    assert fingerprint(Recipe(model="m"), SHA, ("text2", "text1")) != GOLDEN
    assert fingerprint(Recipe(model="m"), SHA, COLUMNS, "ef" * 32) != GOLDEN
    monkeypatch.setattr(module, "SCORING_VERSION", module.SCORING_VERSION + 1)
    assert fingerprint(Recipe(model="m"), SHA, COLUMNS) != GOLDEN


def test_the_fingerprint_of_a_corrected_model_differs_and_of_no_other() -> None:
    recipe = Recipe(model="m")
    assert fingerprint(recipe, SHA, COLUMNS, None, {}) == GOLDEN
    corrected: list[dict[str, Any]] = [
        {"max_seq_length": 64},
        {"max_seq_length": 32},
        {"split_special_tokens": True},
    ]
    found = {fingerprint(recipe, SHA, COLUMNS, None, each) for each in corrected}
    assert len(found | {GOLDEN}) == 4


def test_the_fingerprint_does_not_depend_on_where_the_model_lies() -> None:
    elsewhere = Recipe(model="/mnt/models/m", revision="v1.2")
    assert fingerprint(elsewhere, SHA, COLUMNS) == GOLDEN
    here, there = (Recipe(model="m", precision="int8", calibration=place) for place in "ab")
    assert fingerprint(here, SHA, COLUMNS, SHA) == fingerprint(there, SHA, COLUMNS, SHA)


def test_the_fingerprint_of_an_unset_metric_is_that_of_cosine() -> None:
    assert fingerprint(Recipe(metric="cosine"), SHA, COLUMNS) == GOLDEN


def test_no_prompt_and_the_models_own_are_different_recipes() -> None:
    prompts = [None, "", "None", "\ud800"]
    found = {fingerprint(Recipe(prompt1=prompt), SHA, COLUMNS) for prompt in prompts}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": ""}, "model must be a name or a folder, got an empty string"),
        ({"metric": "jaccard"}, "metric must be one of cosine, dot, .*, got 'jaccard'"),
        ({"precision": "int4"}, "precision must be one of auto, float32, .*, got 'int4'"),
        ({"max_seq_length": 0}, "max_seq_length must be at least 1, got 0"),
        ({"truncate_dim": -1}, "truncate_dim must be at least 1, got -1"),
        ({"calibration": "f"}, "Recipe.calibration requires Recipe.precision int8, got 'float32'"),
    ],
)
def test_a_value_out_of_range_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "tpu"}, "device must be one of auto, cpu.*, got 'tpu'"),
        ({"backend": "onnx"}, "backend must be one of auto, openvino, flat, torch, got 'onnx'"),
        ({"token_budget": 0}, "token_budget must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"window_rows": 0}, "window_rows must be at least 1, got 0"),
        ({"window_bytes": -5}, "window_bytes must be at least 1, got -5"),
    ],
)
def test_an_engine_out_of_range_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine(**values)


@pytest.mark.parametrize("value", [Recipe(prompt1="q: "), Engine(batch_size=3)])
def test_recipe_and_engine_are_small_frozen_and_ship_to_workers(value: Any) -> None:
    shipped = pickle.dumps(value)
    assert pickle.loads(shipped) == value
    assert hash(pickle.loads(shipped)) == hash(value)
    assert len(shipped) < 1000
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, "other")


def test_a_notebook_shows_the_model_and_what_differs() -> None:
    plain = Recipe()._repr_html_()
    assert module.DEFAULT_MODEL in plain
    assert plain.count("<tr>") == 1
    changed = Recipe(model="<script>m</script>", prompt1="query: ", prompt2="")._repr_html_()
    assert "<script" not in changed
    assert "&lt;script&gt;m&lt;/script&gt;" in changed
    assert "<th>prompt1</th><td><code>&#x27;query: &#x27;</code>" in changed
    assert "<th>prompt2</th><td><code>&#x27;&#x27;</code>" in changed
    assert changed.count("<tr>") == 3
