"""What local runs begin early: only what they will need, and never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.cluster import early
from semscore.jobs.cluster.session import will_be_local
from semscore.jobs.settings import JobRecipe
from semscore.udfs.recipe import Engine, Recipe


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a converted model would be."""
    monkeypatch.setattr(early, "converted_place", lambda _: tmp_path / "place")
    return tmp_path / "place"


def test_a_model_is_converted_once(place: Path, model_folder: Path) -> None:
    recipe = Recipe(model=str(model_folder))
    assert early.due_conversion(recipe, Engine()) == model_folder
    place.mkdir()
    assert early.due_conversion(recipe, Engine()) is None


def test_what_torch_will_run_is_not_converted(model_folder: Path) -> None:
    assert early.due_conversion(Recipe(model=str(model_folder)), Engine(backend="torch")) is None
    half = Recipe(model=str(model_folder), precision="float16")
    assert early.due_conversion(half, Engine()) is None


@pytest.mark.parametrize(
    ("precision", "backend", "rows", "quick"),
    [
        ("auto", "auto", 2, True),
        ("float32", "auto", early.FEW_ROWS - 1, True),
        ("float32", "auto", early.FEW_ROWS, False),
        ("float32", "openvino", 2, False),
        ("bfloat16", "auto", 2, False),
        ("int8", "auto", 2, False),
    ],
)
def test_few_rows_do_not_wait_for_a_conversion(
    precision: Any, backend: Any, rows: int, quick: bool
) -> None:
    recipe, engine = JobRecipe(precision=precision), Engine(backend=backend)
    assert early.is_quick_in_torch(recipe, engine, rows) is quick


@pytest.mark.parametrize(
    ("master", "local"),
    [("local[4]", True), ("local-cluster[2,1,1024]", False), ("spark://h:7077", False)],
)
def test_local_masters_are_known(master: str, local: bool) -> None:
    assert will_be_local(master) is local


def test_without_a_master_a_run_is_local_but_for_spark_submit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    assert will_be_local(None)
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert not will_be_local(None)
