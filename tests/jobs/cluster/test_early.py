"""What local runs begin early: only what they will need, and never twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.cluster import early
from semscore.jobs.cluster.session import will_be_local
from semscore.udfs.recipe import Engine, Recipe


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    commands: list[Any] = []
    monkeypatch.setattr(early.subprocess, "Popen", lambda command, **_: commands.append(command))
    monkeypatch.setattr(early, "converted_place", lambda _: tmp_path / "place")
    monkeypatch.setattr(early, "conversion_command", lambda folder: ["convert", folder])
    return commands


def test_a_model_is_converted_once(begun: list[Any], tmp_path: Path, model_folder: Path) -> None:
    recipe = Recipe(model=str(model_folder))
    early.begin_conversion(recipe, Engine())
    assert begun == [["convert", model_folder]]
    (tmp_path / "place").mkdir()
    early.begin_conversion(recipe, Engine())
    assert len(begun) == 1


def test_what_torch_will_run_is_not_converted(begun: list[Any], model_folder: Path) -> None:
    early.begin_conversion(Recipe(model=str(model_folder)), Engine(backend="torch"))
    early.begin_conversion(Recipe(model=str(model_folder), precision="float16"), Engine())
    assert begun == []


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
