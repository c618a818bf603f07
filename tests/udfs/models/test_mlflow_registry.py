"""Models in an MLflow registry. It is a folder here; a server is the subject of test_mlflow.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest

from semscore.udfs.errors import ModelError, NotHere
from semscore.udfs.models.fetch import local_folder, pinned
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.recipe import Recipe


@pytest.fixture
def registry(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A registry with two versions of the model `pairs`; `champion` is the first."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))
    mlflow.set_tracking_uri(None)
    client = mlflow.MlflowClient()
    client.create_registered_model("pairs")
    for _ in range(2):
        client.create_model_version("pairs", source=str(files.folder))
    client.set_registered_model_alias("pairs", "champion", "1")
    return client


def test_an_alias_is_pinned_to_the_version_that_it_names_now(
    registry: mlflow.MlflowClient, files: Any
) -> None:
    folder = local_folder("models:/pairs@champion")
    assert folder.name == "1"
    assert content_sha256(folder) == content_sha256(files.folder)
    recipe = pinned(Recipe(model="models:/pairs@champion"), folder)
    assert recipe.revision == "1"
    registry.set_registered_model_alias("pairs", "champion", "2")
    assert local_folder(recipe.model, recipe.revision) == folder
    assert local_folder(recipe.model).name == "2"


def test_only_files_that_are_loaded_are_kept(registry: mlflow.MlflowClient, files: Any) -> None:
    (files.folder / "python_model.pkl").write_bytes(b"code")
    (files.folder / "onnx").mkdir()
    (files.folder / "onnx/config.json").write_text("{}")
    folder = local_folder("models:/pairs/2")
    assert not list(folder.rglob("*.pkl"))
    assert not (folder / "onnx").exists()


def test_a_model_below_the_top_folder_is_found(
    registry: mlflow.MlflowClient, files: Any, tmp_path: Path
) -> None:
    """As mlflow.sentence_transformers.log_model writes it."""
    (tmp_path / "logged").mkdir()
    (tmp_path / "logged/MLmodel").write_text("flavors: {}")
    files.folder.rename(tmp_path / "logged/model.sentence_transformer")
    registry.create_model_version("pairs", source=str(tmp_path / "logged"))
    assert (local_folder("models:/pairs/3") / "modules.json").is_file()


def test_workers_do_not_ask(registry: mlflow.MlflowClient) -> None:
    with pytest.raises(NotHere, match="models:/pairs/1"):
        local_folder("models:/pairs/1", ask_hub=False)
    folder = local_folder("models:/pairs/1")
    assert local_folder("models:/pairs/1", ask_hub=False) == folder
    assert local_folder("models:/pairs@champion", "1", ask_hub=False) == folder


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("models:/pairs", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/pairs/Production", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/pairs@winner", r"could not be fetched from the MLflow registry \(file:.*winner"),
        ("models:/other/1", r"could not be fetched from the MLflow registry \(file:.*other"),
    ],
)
def test_what_the_registry_lacks_is_named(
    registry: mlflow.MlflowClient, model: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        local_folder(model)


def test_without_mlflow_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ModelError, match=r"needs mlflow; pip install 'semscore\[mlflow\]'"):
        local_folder("models:/pairs/1")
